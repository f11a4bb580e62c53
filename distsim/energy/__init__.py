"""Event counts as joules: on brains, chips, computers; scaled to cortex and brain; beside deep learning."""

from distsim.energy.activity import Activity, activity_of
from distsim.energy.pricing import Priced, price
from distsim.energy.profiles import Profile, load_profiles
from distsim.energy.ranges import Range

__all__ = ["Activity", "Priced", "Profile", "Range", "activity_of", "load_profiles", "price"]
