#!/bin/bash
#SBATCH --job-name=distsim-scaling
#SBATCH --partition=batch
#SBATCH --account=proj-1
#SBATCH --qos=normal
#SBATCH --nodes=2
#SBATCH --ntasks=256
#SBATCH --ntasks-per-node=128
#SBATCH --cpus-per-task=1
#SBATCH --mem=200000M
#SBATCH --time=120
#SBATCH --output=/dev/null
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@300

# Written by distsim VERSION. One command in one allocation; it starts its ranks itself.
set -u
cd /scratch/me/series && exec >>output.txt 2>&1 || exit 1
module load mpich/4.2 || exit 1
module load hdf5 || exit 1
export FI_PROVIDER=cxi
export GREETING='it'"'"'s'
export NUMBA_CACHE_DIR=/scratch/numba
exec apptainer exec '/images/my image.sif' /opt/venv/bin/python -m distsim scaling net.yaml --ranks 1,2
