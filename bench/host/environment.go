package host

import (
	"maps"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what a record carries of the environment. A value that is longer than maxValue
// bytes is cut and ends in "...".
const (
	maxVariables = 256
	maxName      = 128
	maxValue     = 256
)

// Environment chooses the variables that a record carries out of an environment, as
// os.Environ returns it: those that change how communication runs or where processes are
// placed. What is not known here is left out, and so is all that may be a secret or name a
// host: by its name, or by a value that holds an @, an IP address, this host's name, the UUID of a
// device or a path. At
// most 256 variables are returned, the first by name. Unprintable characters become U+FFFD.
func Environment(environ []string) map[string]string {
	name, _ := os.Hostname()
	return environment(environ, name)
}

func environment(environ []string, host string) map[string]string {
	chosen, seen := map[string]string{}, map[string]bool{}
	for _, variable := range environ {
		name, value, ok := strings.Cut(variable, "=")
		if !ok || seen[name] { // as in os.Getenv the first of a name counts
			continue
		}
		seen[name] = true
		if wanted(name) && !unfit(name) && !telling(value, host) {
			chosen[name] = clean(value)
		}
	}
	for i, name := range slices.Sorted(maps.Keys(chosen)) {
		if i >= maxVariables {
			delete(chosen, name)
		}
	}
	return chosen
}

// families are beginnings of names. Of Open MPI's parameters there are only those of how
// messages pass and where processes run: what its daemons hand on holds addresses and the
// job's key.
var families = []string{
	"NCCL_", "UCX_", "NVSHMEM_", "FI_", "RDMAV_", "MLX5_", "IBV_", "GLOO_",
	"OMPI_MCA_bml", "OMPI_MCA_btl", "OMPI_MCA_coll", "OMPI_MCA_hwloc", "OMPI_MCA_mpi_", "OMPI_MCA_mtl",
	"OMPI_MCA_opal_", "OMPI_MCA_osc", "OMPI_MCA_pml", "OMPI_MCA_rmaps", "OMPI_MCA_smsc",
}

// single are whole names.
var single = strings.Fields(`
	COMMBENCH_ISA COMMBENCH_RANK COMMBENCH_WORLD

	CUDA_DEVICE_MAX_CONNECTIONS CUDA_DEVICE_ORDER CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES
	GOAMD64 GODEBUG GOGC GOMAXPROCS GOMEMLIMIT OMP_NUM_THREADS

	SLURM_CPUS_ON_NODE SLURM_CPUS_PER_GPU SLURM_CPUS_PER_TASK SLURM_CPU_BIND SLURM_CPU_BIND_LIST
	SLURM_CPU_BIND_TYPE SLURM_DISTRIBUTION SLURM_GPUS_ON_NODE SLURM_GPUS_PER_NODE SLURM_GPUS_PER_TASK
	SLURM_GPU_BIND SLURM_GTIDS SLURM_HINT SLURM_JOB_CPUS_PER_NODE SLURM_JOB_NUM_NODES SLURM_LOCALID
	SLURM_MEM_BIND SLURM_MEM_BIND_LIST SLURM_MEM_BIND_TYPE SLURM_MPI_TYPE SLURM_NNODES SLURM_NODEID
	SLURM_NPROCS SLURM_NTASKS SLURM_NTASKS_PER_GPU SLURM_NTASKS_PER_NODE SLURM_PROCID SLURM_STEP_NUM_NODES
	SLURM_STEP_NUM_TASKS SLURM_STEP_TASKS_PER_NODE SLURM_TASKS_PER_NODE SLURM_THREADS_PER_CORE

	OMPI_COMM_WORLD_LOCAL_RANK OMPI_COMM_WORLD_LOCAL_SIZE OMPI_COMM_WORLD_NODE_RANK OMPI_COMM_WORLD_RANK
	OMPI_COMM_WORLD_SIZE OMPI_UNIVERSE_SIZE PMIX_RANK
	MPI_LOCALNRANKS MPI_LOCALRANKID PMI_LOCAL_RANK PMI_LOCAL_SIZE PMI_RANK PMI_SIZE PMI_UNIVERSE_SIZE
	GROUP_RANK GROUP_WORLD_SIZE LOCAL_RANK LOCAL_WORLD_SIZE RANK ROLE_RANK ROLE_WORLD_SIZE WORLD_SIZE
	JOB_COMPLETION_INDEX
`)

func wanted(name string) bool {
	begins := func(family string) bool { return strings.HasPrefix(name, family) }
	return slices.Contains(single, name) || slices.ContainsFunc(families, begins)
}

// parts of a name, anywhere in it, after which a value may be a secret or name a host. KEY
// refuses UCX_IB_PKEY as well, which is neither: a name that has been left out costs less
// than a secret that has not.
var parts = []string{
	"SECRET", "TOKEN", "PASS", "PWD", "CRED", "PRIVATE", "KEY", "AUTH", "CERT", "COOKIE", "UUID",
	"COMM_ID", "HOSTFILE", "HOSTID", "HOSTLIST", "HOSTNAME", "NODELIST", "NODENAME", "SESSION",
}

// ends of names that mean the same only there: NCCL_CUMEM_HOST_ENABLE names no host.
var ends = []string{"_ADDR", "_ADDRS", "_ADDRESS", "_HOST", "_HOSTS", "_IP", "_IPADDR", "_SERVER", "_URI", "_URL", "_USER"}

// unfit is whether a name must not be passed on, in whatever case it is written.
func unfit(name string) bool {
	upper := strings.ToUpper(name)
	has := func(part string) bool { return strings.Contains(upper, part) }
	hasEnd := func(end string) bool { return strings.HasSuffix(upper, end) }
	odd := func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	return len(name) > maxName || strings.ContainsFunc(name, odd) ||
		slices.ContainsFunc(parts, has) || slices.ContainsFunc(ends, hasEnd)
}

// identity is a UUID, as GPUs have them: CUDA_VISIBLE_DEVICES may name these.
var identity = regexp.MustCompile(`(?i)\b(GPU|MIG)-|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}`)

var addressV4 = regexp.MustCompile(`\d+\.\d+\.\d+\.\d+`)

// telling is whether a value holds an @, as in user:password@host, an IP address, a UUID, a path, which may
// lead through somebody's home, or the host's name without its domain. A name of one or two
// letters says too little.
func telling(value, host string) bool {
	if strings.Contains(strings.ToLower(value), "bearer ") || strings.ContainsAny(value, "@/") || addressV4.MatchString(value) || identity.MatchString(value) {
		return true
	}
	odd := func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF:.", r) }
	for word := range strings.FieldsFuncSeq(value, odd) {
		if _, err := netip.ParseAddr(word); err == nil {
			return true
		}
	}
	host, _, _ = strings.Cut(host, ".")
	return len(host) > 2 && strings.Contains(words(value), words(host))
}

// words are those of a text in small letters, each between two blanks.
func words(text string) string {
	odd := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	return " " + strings.Join(strings.FieldsFunc(strings.ToLower(text), odd), " ") + " "
}

// clean is a value fit for a file: of printable characters, and not long.
func clean(value string) string {
	const cut = "..."
	value = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, value)
	if len(value) <= maxValue {
		return value
	}
	value = value[:maxValue-len(cut)]
	for !utf8.ValidString(value) { // the cut may be within a character
		value = value[:len(value)-1]
	}
	return value + cut
}
