"""Kinds of traces: how a spike changes what is known of its source or of its target."""

# Every spike adds one; it sets it to one; the release takes two, u and x of Tsodyks & Markram; of a target's
# potential, not of its spikes.
ALL, NEAREST, RELEASE, RELEASED, VOLTAGE = range(5)
