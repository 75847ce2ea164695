#!/usr/bin/env bash
# A SLURM of two nodes on this machine alone: cluster.sh up FOLDER [accounting] | down FOLDER | kill FOLDER NODE |
# stop FOLDER DAEMON | start FOLDER NODE or DAEMON, which is slurmctld or slurmdbd
# Each node has two CPUs, 6000 MB and a made-up GPU. Needs slurmctld, slurmd and munged, and root; accounting also needs slurmdbd and
# mariadbd. The shell that runs Snakemake first reads FOLDER/environment.
set -euo pipefail
verb=$1 folder=$(realpath -m "$2") host=$(hostname -s)
export SLURM_CONF=$folder/slurm.conf

# A daemon in a session of its own, so that one signal ends it with its jobs.
begin() {
    local name=$1
    shift
    setsid "$@" >"$folder/$name.out" 2>&1 &
    echo $! >"$folder/$name.pid"
}

end() {
    if [ -f "$folder/$1.pid" ]; then
        kill "-$2" -- "-$(cat "$folder/$1.pid")" 2>/dev/null || true
        rm "$folder/$1.pid"
    fi
}

start() {
    case $1 in
    slurmctld) begin slurmctld slurmctld -f "$SLURM_CONF" -D ;;
    slurmdbd) SLURM_CONF=$folder/slurmdbd.conf begin slurmdbd slurmdbd -D ;;
    *) begin "$1" slurmd -f "$SLURM_CONF" -N "$1" -D ;;
    esac
}

wait_for() { for _ in $(seq 60); do [ -S "$1" ] && break || sleep 0.5; done; }

# Where sacct finds the jobs: a database of our own, and the daemon in front of it.
start_accounting() {
    local database=$folder/database
    mariadb-install-db --no-defaults --user=root --datadir="$database" --auth-root-authentication-method=socket --skip-test-db \
        >"$folder/mariadb-install-db.out"
    begin mariadbd mariadbd --no-defaults --user=root --datadir="$database" --socket="$folder/mariadb" --bind-address=127.0.0.1 \
        --port=16920
    wait_for "$folder/mariadb"
    mariadb --no-defaults --socket="$folder/mariadb" --execute "grant all on *.* to slurm@127.0.0.1 identified by 'slurm'"
    cat >"$folder/slurmdbd.conf" <<END
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=16919
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=16920
StorageUser=slurm
StoragePass=slurm
PidFile=$folder/slurmdbd.own
LogFile=$folder/slurmdbd.log
END
    chmod 600 "$folder/slurmdbd.conf"
    sed -i '/^AccountingStorageType=/d' "$SLURM_CONF"
    cat >>"$SLURM_CONF" <<END
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=16919
AccountingStoragePass=$folder/munge/socket
END
    start slurmdbd
    for _ in $(seq 20); do sacctmgr -i add cluster loopback >/dev/null 2>&1 && break || sleep 1; done
}

case $verb in
up)
    mkdir -p "$folder"/{state,spool}
    mkdir -p -m 700 "$folder/munge"
    head -c 1024 /dev/urandom >"$folder/munge/key"
    chmod 600 "$folder/munge/key"
    for node in node1 node2; do [ -e "$folder/gpu-$node" ] || mknod "$folder/gpu-$node" c 1 3; done
    cat >"$folder/gres.conf" <<END
AutoDetect=off
NodeName=node1 Name=gpu File=$folder/gpu-node1
NodeName=node2 Name=gpu File=$folder/gpu-node2
END
    # The plugin's job step drops SLURM_CONF before it calls srun.
    mkdir -p "$folder/bin"
    printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$SLURM_CONF" "$(command -v srun)" >"$folder/bin/srun"
    chmod +x "$folder/bin/srun"
    printf 'export SLURM_CONF=%s PATH=%s/bin:$PATH\n' "$SLURM_CONF" "$folder" >"$folder/environment"
    cat >"$SLURM_CONF" <<END
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16917
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/slurmctld.own
SlurmdPidFile=$folder/slurmd.%n.own
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
# Jobs that take more memory than they asked for are killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=20
KillWait=5
MinJobAge=300
AccountingStorageType=accounting_storage/none
GresTypes=gpu
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=18101 CPUs=2 RealMemory=6000 Gres=gpu:1
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=18102 CPUs=2 RealMemory=6000 Gres=gpu:1
PartitionName=main Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP
END
    begin munge munged --foreground --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
        --pid-file="$folder/munge/own" --seed-file="$folder/munge/seed" --log-file="$folder/munge/log"
    wait_for "$folder/munge/socket"
    [ "${3:-}" != accounting ] || start_accounting
    start slurmctld
    sleep 2
    start node1
    start node2
    for _ in $(seq 60); do [ "$(sinfo -h -o %D -t idle 2>/dev/null)" = 2 ] && break || sleep 1; done
    sinfo
    ;;
down) for name in node1 node2 slurmctld slurmdbd mariadbd munge; do end "$name" TERM; done ;;
kill)
    end "$3" KILL
    # The jobs of the node have sessions of their own. What watches over them ends first, so that it reports nothing.
    jobs=$(grep -lsz "^SLURMD_NODENAME=$3$" /proc/[0-9]*/environ | cut -d/ -f3) || true
    for parent in $(for job in $jobs; do ps -o ppid= "$job"; done | sort -u); do
        [ "$(ps -o comm= "$parent")" != slurmstepd ] || kill -KILL "$parent"
    done
    kill -KILL $jobs 2>/dev/null || true
    ;;
stop) end "$3" TERM ;;
start) start "$3" ;;
*)
    echo "up, down, kill, stop or start" >&2
    exit 2
    ;;
esac
