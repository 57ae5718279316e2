package host

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironment(t *testing.T) {
	for name, test := range map[string]struct {
		environ string // a line for each
		want    map[string]string
	}{
		"nothing": {"", map[string]string{}},
		"communication": {"NCCL_IB_HCA==mlx5_0:1,mlx5_1:1\nUCX_TLS=rc,cuda_copy\nNVSHMEM_REMOTE_TRANSPORT=ibrc\nFI_PROVIDER=efa\n" +
			"RDMAV_FORK_SAFE=1\nMLX5_SINGLE_THREADED=1\nIBV_SHOW_WARNINGS=0\nGLOO_SOCKET_IFNAME=eth0\nNCCL_TOPO_FILE=/opt/topo.xml\n" +
			"NCCL_CUMEM_HOST_ENABLE=1\nNCCL_IB_ADDR_FAMILY=AF_INET\nNCCL_SOCKET_IFNAME=^lo,docker0\nNCCL_VERSION=2.21.5-1",
			map[string]string{"NCCL_IB_HCA": "=mlx5_0:1,mlx5_1:1", "UCX_TLS": "rc,cuda_copy", "NVSHMEM_REMOTE_TRANSPORT": "ibrc", "FI_PROVIDER": "efa",
				"RDMAV_FORK_SAFE": "1", "MLX5_SINGLE_THREADED": "1", "IBV_SHOW_WARNINGS": "0", "GLOO_SOCKET_IFNAME": "eth0",
				"NCCL_CUMEM_HOST_ENABLE": "1", "NCCL_IB_ADDR_FAMILY": "AF_INET", "NCCL_SOCKET_IFNAME": "^lo,docker0", "NCCL_VERSION": "2.21.5-1"}},
		"Go and CUDA": {"CUDA_VISIBLE_DEVICES=0,1\nNVIDIA_VISIBLE_DEVICES=GPU-8932f937-d72c-4106-c12f-20bd9faed9f6\nGOMAXPROCS=4\nGOMEMLIMIT=1GiB\nGODEBUG=madvdontneed=1\nGOPATH=/go\nCUDA_HOME=/cuda\nPATH=/bin\nHOME=/root",
			map[string]string{"CUDA_VISIBLE_DEVICES": "0,1", "GOMAXPROCS": "4", "GOMEMLIMIT": "1GiB", "GODEBUG": "madvdontneed=1"}},
		"Slurm": {"SLURMD_NODENAME=gpu02\nSLURM_CLUSTER_NAME=blue\nSLURM_GTIDS=2,3\nSLURM_JOB_ID=72\nSLURM_JOB_NODELIST=gpu[01-02]\nSLURM_NODELIST=gpu[01-02]\nSLURM_STEP_NODELIST=gpu[01-02]\n" +
			"SLURM_LAUNCH_NODE_IPADDR=127.0.0.1\nSLURM_TOPOLOGY_ADDR=sw1.gpu02\nSLURM_SUBMIT_HOST=login\nSLURM_JOB_USER=me\nSLURM_LOCALID=1\nSLURM_PROCID=3\nSLURM_STEP_NUM_TASKS=4\n" +
			"SLURM_STEP_TASKS_PER_NODE=2(x2)\nSLURM_CPU_BIND=quiet,mask_cpu:0x0000000F,0x000000F0\nSLURM_DISTRIBUTION=block",
			map[string]string{"SLURM_GTIDS": "2,3", "SLURM_LOCALID": "1", "SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
				"SLURM_CPU_BIND": "quiet,mask_cpu:0x0000000F,0x000000F0", "SLURM_DISTRIBUTION": "block"}},
		"Open MPI": {"OMPI_COMM_WORLD_RANK=1\nOMPI_COMM_WORLD_LOCAL_SIZE=3\nOMPI_MCA_btl=self,vader\nOMPI_MCA_pml_ucx_tls=any\nOMPI_MCA_rmaps_base_mapping_policy=ppr:1:node\nOMPI_MCA_hwloc_base_binding_policy=none\n" +
			"OMPI_MCA_orte_hnp_uri=1976041472.0;tcp://127.0.0.1:55667\nOMPI_MCA_orte_precondition_transports=cfad98c60606cd83-a4bf44d64b9fe5b2\nOMPI_MCA_ess_base_jobid=1976041473\n" +
			"OMPI_MCA_initial_wdir=/home/me\nOMPI_MCA_orte_top_session_dir=/tmp/ompi.gpu01.0\nOMPI_MCA_btl_tcp_if_include=10.1.0.0/16\nPMIX_HOSTNAME=gpu01\nPMIX_RANK=1\nPMIX_NAMESPACE=1976041473",
			map[string]string{"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_LOCAL_SIZE": "3", "OMPI_MCA_btl": "self,vader", "OMPI_MCA_pml_ucx_tls": "any",
				"OMPI_MCA_rmaps_base_mapping_policy": "ppr:1:node", "OMPI_MCA_hwloc_base_binding_policy": "none", "PMIX_RANK": "1"}},
		"MPICH, torchrun, Kubernetes": {"MPI_LOCALRANKID=1\nMPI_LOCALNRANKS=3\nPMI_RANK=1\nPMI_SIZE=3\nPMI_FD=8\nRANK=2\nWORLD_SIZE=4\nLOCAL_RANK=0\nMASTER_ADDR=gpu01.example.net\nMASTER_PORT=29400\nTORCHELASTIC_RUN_ID=nightly\n" +
			"JOB_COMPLETION_INDEX=3\nHOSTNAME=nightly-a2a-3\nKUBERNETES_SERVICE_HOST=10.96.0.1",
			map[string]string{"MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "3", "PMI_RANK": "1", "PMI_SIZE": "3", "RANK": "2", "WORLD_SIZE": "4", "LOCAL_RANK": "0", "JOB_COMPLETION_INDEX": "3"}},
		"commbench": {"COMMBENCH_ISA=avx2\nCOMMBENCH_RANK=1\nCOMMBENCH_WORLD=2\nCOMMBENCH_SECRET=hush\nCOMMBENCH_RENDEZVOUS=gpu01:29500\nCOMMBENCH_BIND=eth0\nCOMMBENCH_SUBDOMAIN=x\nCOMMBENCH_JOB_PIPE=3",
			map[string]string{"COMMBENCH_ISA": "avx2", "COMMBENCH_RANK": "1", "COMMBENCH_WORLD": "2"}},
		"secrets by name": {"NCCL_SECRET=x\nUCX_MY_TOKEN=x\nFI_password=x\nNCCL_PASSWD=x\nGLOO_PASSPHRASE=x\nNVSHMEM_CREDENTIALS=x\nUCX_PRIVATE_DATA=x\nNCCL_API_KEY=x\nUCX_IB_PKEY=0x8001\nFI_AUTH=x\nFI_PSM3_UUID=x\nNCCL_keys=x",
			map[string]string{}},
		"hosts by name": {"NCCL_COMM_ID=gpu01:29500\nNCCL_HOSTID=gpu01\nNCCL_x_addr=gpu01\nUCX_NODELIST=gpu01\nFI_HOSTNAME=gpu01\nGLOO_IP=gpu01\nNVSHMEM_BOOTSTRAP_UID_SESSION_ID=gpu01:1\nUCX_RDMA_CM_SOURCE_ADDRESS=gpu01",
			map[string]string{}},
		"telling values": {"NCCL_A=http://user:pass@proxy\nNCCL_B=user:pass@proxy\nNCCL_C=10.0.0.1:29500\nNCCL_D=[fe80::1]:29500\nNCCL_E=via fe80::1%eth0\nNCCL_F=/logs/this-host/nccl.log\nNCCL_G=nccl.THIS-HOST.log\n" +
			"NCCL_H=a-10.0.0.1-b\nNCCL_K=gpu-0a1b2c3d\nNCCL_L=x:0a1b2c3d-0a1b-4c3d-8e9f-0a1b2c3d4e5f\nNCCL_I=this-hosts\nNCCL_J=http://proxy/",
			map[string]string{"NCCL_I": "this-hosts"}},
		"odd names":          {"NCCL_A-B=1\nNCCL_\x1b=1\nNCCL_Ä=1\nnccl_a=1\n=1\nRANK\nNCCL_" + strings.Repeat("A", 200) + "=1\nMY_RANK=1\nRANKS=1\nRANK=7", map[string]string{"RANK": "7"}},
		"the first counts":   {"RANK=1\nRANK=2\nNCCL_A=u@h\nNCCL_A=1", map[string]string{"RANK": "1"}},
		"control characters": {"NCCL_A=a\x1b[2Jb\tc\x00\u202ed\xff", map[string]string{"NCCL_A": "a\ufffd[2Jb\ufffdc\ufffd\ufffdd\ufffd"}},
		"long": {"NCCL_A=" + strings.Repeat("x", 256) + "\nNCCL_B=" + strings.Repeat("x", 257) + "\nNCCL_C=" + strings.Repeat("é", 200),
			map[string]string{"NCCL_A": strings.Repeat("x", 256), "NCCL_B": strings.Repeat("x", 253) + "...", "NCCL_C": strings.Repeat("é", 126) + "..."}},
	} {
		t.Run(name, func(t *testing.T) {
			got := environment(strings.Split(test.environ, "\n"), "This-Host.example.net")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestEnvironmentIsBounded(t *testing.T) {
	var environ []string
	for i := range 1000 {
		environ = append(environ, fmt.Sprintf("NCCL_%03d=%d", 999-i, i))
	}
	got := Environment(environ)
	if _, first := got["NCCL_000"]; len(got) != maxVariables || !first {
		t.Errorf("%d variables, expected the first %d by name", len(got), maxVariables)
	}
}

// FuzzEnvironment holds that nothing which is not named here appears, whatever else there is.
func FuzzEnvironment(f *testing.F) {
	for _, seed := range [][3]string{
		{"NCCL_DEBUG", "INFO", "host"}, {"COMMBENCH_SECRET", "hush", "h"}, {"NCCL_COMM_ID", "gpu01:1", ""}, {"ucx_key", "k", "a.b"},
		{"UCX_A", "http://u:p@h", "h"}, {"PATH", "\xff", "\xff"}, {"RANK", "10.0.0.1", "---"}, {"FI_\u017fecret", "x", "..."}, {"SLURM_NODELIST", "gpu[1-2]", "gpu"},
		{"OMPI_MCA_orte_hnp_uri", "x", ""}, {"NCCL_A", strings.Repeat("é", 300), ""}, {"", "x", ""}, {"A=B", "x", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	known := func(name string) bool {
		for _, begin := range []string{"NCCL_", "UCX_", "NVSHMEM_", "FI_", "RDMAV_", "MLX5_", "IBV_", "GLOO_", "OMPI_", "SLURM_", "PMI_", "MPI_", "GO", "CUDA_", "NVIDIA_VISIBLE_"} {
			if strings.HasPrefix(name, begin) {
				return true
			}
		}
		switch name {
		case "COMMBENCH_ISA", "COMMBENCH_RANK", "COMMBENCH_WORLD", "OMP_NUM_THREADS", "PMIX_RANK", "JOB_COMPLETION_INDEX",
			"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "GROUP_WORLD_SIZE", "ROLE_RANK", "ROLE_WORLD_SIZE":
			return true
		}
		return false
	}
	f.Fuzz(func(t *testing.T, name, value, host string) {
		const mark = "zq7mark"
		environ := []string{name + "=" + mark + value, "HOME=" + value, "MY_SECRET=" + value, "COMMBENCH_SECRET=" + value, name}
		for n, v := range environment(environ, host) {
			upper := strings.ToUpper(n)
			for _, part := range []string{"SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL", "PRIVATE", "_KEY", "COMM_ID", "HOSTID", "NODELIST", "HOSTNAME"} {
				if strings.Contains(upper, part) {
					t.Errorf("%q is passed on", n)
				}
			}
			if !known(n) || strings.HasSuffix(upper, "_ADDR") || strings.HasSuffix(upper, "_IP") || strings.HasPrefix(n, "OMPI_MCA_orte") {
				t.Errorf("%q is passed on", n)
			}
			if cut, _, _ := strings.Cut(name+"=", "="); n != cut || !strings.HasPrefix(v, mark) && !strings.Contains(name, "=") {
				t.Errorf("%q is %q, which nobody has set", n, v)
			}
			if len(v) > maxValue || !utf8.ValidString(v) || strings.ContainsAny(v, "@\n\x00\x1b") || strings.ContainsFunc(v, unicode.IsControl) {
				t.Errorf("%q is %q", n, v)
			}
		}
	})
}
