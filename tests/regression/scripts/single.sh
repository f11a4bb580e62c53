#!/bin/bash
#SBATCH --job-name=distsim-microcircuit
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

# Written by distsim VERSION. Starts the run, or goes on with it from its newest checkpoint.
set -u
# Slurm tells this shell with USR1 that time is nearly up, with TERM that the job is cancelled, or preempted (then Slurm
# requeues it by itself). Either way the run writes a checkpoint and leaves with 75. It is told again until it has heard:
# it may just be starting.
stop=0
again=0
child=""
tell() {
  stop=1
  if [ -n "$child" ]; then kill -USR1 "$child" 2>/dev/null; fi
}
trap 'again=1; tell' USR1
trap 'again=0; tell' TERM
folder='/scratch/me/runs/a run'
# Slurm would read % in its own --output as a pattern.
cd "$folder/job" && exec >>output.txt 2>&1 || exit 1
module load mpich/4.2 || exit 1
module load hdf5 || exit 1
export FI_PROVIDER=cxi
export GREETING='it'"'"'s'
export NUMBA_CACHE_DIR=/scratch/numba
python=(apptainer exec '/images/my image.sif' /opt/venv/bin/python)
launcher=(srun --mpi=pmix)
restarts="${SLURM_RESTART_COUNT:-${DISTSIM_RESTART_COUNT:-0}}"

# Compile once, in one process, before all ranks would.
"${python[@]}" -m distsim warm "$folder/job/net.yaml" || exit $?

if [ -e "$folder/config.yaml" ]; then
  arguments=(run "$folder" --resume)
else
  arguments=(run "$folder/job/net.yaml" --output "$folder")
fi
echo "distsim: start $restarts of 20, $(date --iso-8601=seconds)"
"${launcher[@]}" "${python[@]}" -m distsim "${arguments[@]}" --quiet &
child=$!
# A signal may have come before there was anybody to tell.
while kill -0 "$child" 2>/dev/null; do
  if [ "$stop" -eq 1 ]; then
    sleep 2
    tell
  else
    wait "$child"
  fi
done
wait "$child"
code=$?
if [ "$code" -ne 0 ] && [ "$again" -eq 1 ] && [ "$restarts" -lt 20 ]; then
  job="$SLURM_JOB_ID"
  if [ -n "${SLURM_ARRAY_JOB_ID:-}" ]; then
    job="${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
  fi
  echo "distsim: requeued, $(date --iso-8601=seconds)"
  scontrol requeue "$job" && exit 0
  echo "distsim: not requeued: Slurm refuses"
fi
exit "$code"
