#!/bin/bash

# Written by distsim VERSION. Starts the run, or goes on with it from its newest checkpoint.
set -u
# Slurm tells this shell with USR1 that time is nearly up, with TERM that the job is cancelled, or preempted (then Slurm
# requeues it by itself). Either way the run writes a checkpoint and leaves with 75. It is told again until it has heard:
# it may just be starting.
stop=0
child=""
tell() {
  stop=1
  if [ -n "$child" ]; then kill -USR1 "$child" 2>/dev/null; fi
}
trap tell USR1 TERM
folder=/home/me/runs/q
# Slurm would read % in its own --output as a pattern.
cd "$folder/job" && exec >>output.txt 2>&1 || exit 1
python=(/opt/venv/bin/python)
launcher=(mpiexec -n 256)
restarts="${SLURM_RESTART_COUNT:-${DISTSIM_RESTART_COUNT:-0}}"

# Compile once, in one process, before all ranks would.
"${python[@]}" -m distsim warm "$folder/job/net.yaml" || exit $?

if [ -e "$folder/config.yaml" ]; then
  arguments=(run "$folder" --resume)
else
  arguments=(run "$folder/job/net.yaml" --output "$folder")
fi
echo "distsim: start $restarts of 20, $(date --iso-8601=seconds)"
"${launcher[@]}" "${python[@]}" -m distsim "${arguments[@]}" --set 'a=[1, 2]' &
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
exit "$code"
