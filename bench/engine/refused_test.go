package engine

import (
	"strings"
	"testing"
)

func TestRefused(t *testing.T) {
	for _, test := range []struct {
		name  string
		flags Flags
		env   string
		want  []string // what the error must hold
	}{
		{"an engine that is none", Flags{Engine: "pbs"}, "", []string{"--engine pbs", Names}},
		{"none, and flags", Flags{Engine: "none", Rank: new(0)}, "", []string{"--engine none", "--rank"}},
		{"an engine, and a rank", Flags{Engine: "slurm", Rank: new(1)}, srunOneNode, []string{"--engine slurm and --rank 1"}},
		{"an engine, and a world", Flags{Engine: "mpich", World: new(2)}, hydraOneHost, []string{"--engine mpich and --world 2"}},
		{"engine flags without any", Flags{Engine: "flags"}, srunOneNode, []string{"--rank or COMMBENCH_RANK", "--world or COMMBENCH_WORLD", "not set"}},
		{"a rank without a world", Flags{Rank: new(1)}, srunOneNode, []string{"--rank 1", "COMMBENCH_WORLD is not set"}},
		{"a world without a rank", Flags{}, "COMMBENCH_WORLD=4", []string{"COMMBENCH_WORLD=4", "--rank or COMMBENCH_RANK"}},
		{"a rendezvous without a rank", Flags{Rendezvous: "a:1"}, "", []string{"--rendezvous a:1", "--rank or COMMBENCH_RANK"}},
		{"ranks without a rendezvous", Flags{Rank: new(1), World: new(2)}, "", []string{"process 0 of 2", "COMMBENCH_RENDEZVOUS"}},
		{"a negative rank", Flags{Rank: new(-1), World: new(2)}, "", []string{"--rank -1", "from 0"}},
		{"a rank that is too high", Flags{Rank: new(2), World: new(2)}, "", []string{"--rank 2 and --world 2", "from 0 to 1"}},
		{"a world of none", Flags{Rank: new(0), World: new(0)}, "", []string{"--world 0", "from 1"}},
		{"a huge world", Flags{Rank: new(0), World: new(1<<16 + 1)}, "", []string{"--world 65537", "to 65536"}},
		{"a variable and no number", Flags{World: new(2)}, "COMMBENCH_RANK=one", []string{"COMMBENCH_RANK=one", "whole number"}},
		{"an address without a port", Flags{Rank: new(1), World: new(2), Rendezvous: "gpu01"}, "", []string{"--rendezvous gpu01", "host:port"}},
		{"an address of port 0", Flags{Rank: new(1), World: new(2), Rendezvous: "gpu01:0"}, "", []string{"host:port"}},
		{"an address without a host", Flags{Rank: new(1), World: new(2), Rendezvous: ":80"}, "", []string{"host:port"}},
		{"an odd address", Flags{}, srunOneNode + "\nCOMMBENCH_RENDEZVOUS=gpu 01:80", []string{`COMMBENCH_RENDEZVOUS="gpu 01:80"`, "host:port"}},

		{"not under Slurm", Flags{Engine: "slurm"}, "", []string{"--engine slurm", "SLURM_STEP_ID", "srun"}},
		{"a batch script, by name", Flags{Engine: "slurm"}, batchScript, []string{"SLURM_STEP_ID", "srun"}},
		{"an interactive step, by name", Flags{Engine: "slurm"}, srunOneNode + "\nSLURM_STEP_ID=4294967290", []string{"SLURM_STEP_ID=4294967290", "srun"}},
		{"a step without a number", Flags{}, srunOneNode + "\nSLURM_STEP_ID=x", []string{"slurm", "SLURM_STEP_ID=x", "--engine"}},
		{"a step of no job", Flags{}, srunOneNode + "\nSLURM_JOB_ID=", []string{"SLURM_JOB_ID"}},
		{"a step without tasks", Flags{}, srunOneNode + "\nSLURM_STEP_NUM_TASKS=\nSLURM_NTASKS=", []string{"SLURM_PROCID=3", "SLURM_NTASKS is not set"}},
		{"a task that is no number", Flags{}, srunOneNode + "\nSLURM_PROCID=3.5", []string{"SLURM_PROCID=3.5"}},
		{"a local task too many", Flags{}, srunTwoNodes + "\nSLURM_LOCALID=2", []string{"SLURM_LOCALID=2", "SLURM_STEP_TASKS_PER_NODE="}},
		{"a node too many", Flags{}, srunTwoNodes + "\nSLURM_NODEID=2", []string{"SLURM_STEP_TASKS_PER_NODE=2(x2)"}},
		{"tasks that are no numbers", Flags{}, srunTwoNodes + "\nSLURM_STEP_TASKS_PER_NODE=2(x", []string{"SLURM_STEP_TASKS_PER_NODE=2(x", "expected"}},
		{"a damaged list of nodes", Flags{}, srunTwoNodes + "\nSLURM_STEP_NODELIST=gpu[01-", []string{"SLURM_STEP_NODELIST=gpu[01-", "--rendezvous"}},
		{"no list of nodes", Flags{}, srunTwoNodes + "\nSLURM_STEP_NODELIST=\nSLURM_JOB_NODELIST=", []string{"SLURM_JOB_NODELIST", "--rendezvous"}},

		{"mpirun, several hosts", Flags{}, mpirunOneHost + "\nOMPI_COMM_WORLD_LOCAL_SIZE=2", []string{"OMPI_COMM_WORLD_LOCAL_SIZE=2 of 3", "--rendezvous", "host:port"}},
		{"mpirun, hosts not known", Flags{}, mpirunOneHost + "\nOMPI_COMM_WORLD_LOCAL_SIZE=", []string{"OMPI_COMM_WORLD_LOCAL_SIZE is not set", "--rendezvous"}},
		{"mpirun, no job", Flags{}, mpirunOneHost + "\nPMIX_NAMESPACE=\nOMPI_MCA_ess_base_jobid=", []string{"OMPI_MCA_ess_base_jobid", "--rendezvous"}},
		{"half of Open MPI", Flags{}, "OMPI_COMM_WORLD_RANK=3", []string{"openmpi", "OMPI_COMM_WORLD_RANK=3", "OMPI_COMM_WORLD_SIZE is not set"}},
		{"mpirun in a step of Slurm", Flags{}, mpirunInSlurm, []string{
			"slurm: process 1 of 2", "SLURM_PROCID=1", "SLURM_STEP_NUM_TASKS=2", "SLURM_STEP_NODELIST=gpu[01-02]",
			"openmpi: process 2 of 4", "OMPI_COMM_WORLD_RANK=2", "OMPI_COMM_WORLD_SIZE=4", "--engine NAME", "--rank, --world and --rendezvous"}},
		{"mpiexec.hydra in a step of Slurm", Flags{}, hydraInSlurm, []string{"slurm: process 1 of 2", "mpich: process 3 of 4", "PMI_SIZE=4"}},
		{"mpiexec.hydra, several hosts", Flags{}, hydraOneHost + "\nMPI_LOCALNRANKS=2", []string{"MPI_LOCALNRANKS=2 of 3", "--rendezvous"}},
		{"mpiexec.hydra, a descriptor that is closed", Flags{}, hydraOneHost + "\nHYDI_CONTROL_FD=1048576", []string{"HYDI_CONTROL_FD=1048576", "--rendezvous"}},
		{"mpiexec.hydra without a descriptor", Flags{}, hydraOneHost + "\nHYDI_CONTROL_FD=", []string{"HYDI_CONTROL_FD is not set", "--rendezvous"}},
		{"half of PMI", Flags{}, "PMI_SIZE=4", []string{"PMI_SIZE=4", "PMI_RANK is not set"}},
		{"not under an MPI", Flags{Engine: "mpich"}, mpirunOneHost, []string{"PMI_RANK and PMI_SIZE are not set"}},

		{"torch's variables without an address", Flags{}, "RANK=1\nWORLD_SIZE=2", []string{"RANK=1 and WORLD_SIZE=2", "MASTER_ADDR"}},
		{"torch's variables without a port", Flags{}, torchrunTwoHosts + "\nMASTER_PORT=", []string{"MASTER_PORT"}},
		{"half of torchrun", Flags{}, "WORLD_SIZE=2", []string{"torchrun", "WORLD_SIZE=2", "RANK is not set"}},
		{"a port that is none", Flags{}, torchrunTwoHosts + "\nMASTER_PORT=http", []string{"MASTER_PORT=http"}},
		{"no port after the last", Flags{}, torchrunTwoHosts + "\nMASTER_PORT=65535", []string{"MASTER_PORT=65535", "65534"}},
		{"an address that is none", Flags{}, torchrunTwoHosts + "\nMASTER_ADDR=a/b", []string{"MASTER_ADDR", "a/b"}},
		{"a local rank too high", Flags{}, torchrunTwoHosts + "\nLOCAL_RANK=2", []string{"LOCAL_RANK=2 and LOCAL_WORLD_SIZE=2"}},
		{"more here than there are", Flags{}, torchrunTwoHosts + "\nLOCAL_WORLD_SIZE=5", []string{"LOCAL_WORLD_SIZE=5"}},
		{"torchrun as a task of Slurm", Flags{}, srunTwoNodes + torchrunTwoHosts + "\nRANK=1", []string{"slurm: process 3 of 4", "torchrun: process 1 of 4", "RANK=1"}},
		{"engines of one process that fail", Flags{}, srunTwoNodes + "\nOMPI_COMM_WORLD_SIZE=2", []string{"openmpi", "OMPI_COMM_WORLD_SIZE=2", "--engine"}},

		{"a pod of unknown many", Flags{}, indexedPod + "\nCOMMBENCH_WORLD=", []string{"JOB_COMPLETION_INDEX=3", "--world or COMMBENCH_WORLD is not set"}},
		{"a pod too many", Flags{World: new(3)}, indexedPod, []string{"JOB_COMPLETION_INDEX=3 and --world 3"}},
		{"a pod with a name of its own", Flags{}, indexedPod + "\nJOB_COMPLETION_INDEX=2", []string{"nightly-a2a-3", "-2", "--rendezvous"}},
		{"a pod in an odd domain", Flags{}, indexedPod + "\nCOMMBENCH_SUBDOMAIN=a b", []string{"nightly-a2a-0.a b", "--rendezvous"}},
		{"an endless value", Flags{}, "RANK=" + strings.Repeat("9", 1<<16) + "\nWORLD_SIZE=2", []string{"RANK=999", "..."}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := in(test.flags, "nightly-a2a-3", test.env)
			if err == nil {
				t.Fatalf("it is %+v", got)
			}
			for _, want := range append(test.want, "engine: ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nexpected %q in it", err, want)
				}
			}
			if n := len(err.Error()); n > 1200 {
				t.Errorf("an error of %d bytes", n)
			}
		})
	}
}
