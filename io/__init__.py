"""Files: spike logs while a run goes, SONATA when it is done; the only folder that knows HDF5."""

from distsim.io.run import Run, open_run
from distsim.io.sonata_spikes import merge_spikes, read_spikes, spike_hash
from distsim.io.spike_log import SpikeLog, read_log

__all__ = ["Run", "SpikeLog", "merge_spikes", "open_run", "read_log", "read_spikes", "spike_hash"]
