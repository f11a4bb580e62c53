"""Jobs: a config and resources become a batch job on Slurm, or one in this machine's queue. Knows no simulation."""

from distsim.jobs.listing import cancel, list_jobs, logs, wait
from distsim.jobs.site import Site, load_site
from distsim.jobs.submission import submit

__all__ = ["Site", "cancel", "list_jobs", "load_site", "logs", "submit", "wait"]
