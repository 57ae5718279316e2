package engine

import (
	"fmt"
	"os"
)

// openMPI is the mpirun of Open MPI.
var openMPI = engine{
	name: "openmpi",
	here: func(v *variables) bool {
		return v.get("OMPI_COMM_WORLD_RANK") != "" || v.get("OMPI_COMM_WORLD_SIZE") != ""
	},
	find: func(v *variables) (found, error) {
		p, err := v.place("openmpi", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE")
		if err != nil {
			return found{}, err
		}
		if err := v.locals(&p, "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"); err != nil {
			return found{}, err
		}
		return onHost(p, "OMPI_COMM_WORLD_LOCAL_SIZE", func() ([]string, error) {
			job := v.see("PMIX_NAMESPACE") // releases 4 and 5
			if job == "" {
				job = v.see("OMPI_MCA_ess_base_jobid") // up to 4
			}
			if job == "" {
				return nil, fmt.Errorf("neither PMIX_NAMESPACE nor OMPI_MCA_ess_base_jobid is set, which name the job")
			}
			// The job's number comes from mpirun's process id, which returns; this is random.
			return []string{job, v.get("OMPI_MCA_orte_precondition_transports")}, nil
		}), nil
	},
}

// mpich is the mpiexec of MPICH and of those that descend from it, Hydra. Slurm's
// PMI sets the first two variables as well.
var mpich = engine{
	name: "mpich",
	here: func(v *variables) bool { return v.get("PMI_RANK") != "" || v.get("PMI_SIZE") != "" },
	find: func(v *variables) (found, error) {
		p, err := v.place("mpich", "PMI_RANK", "PMI_SIZE")
		if err != nil {
			return found{}, err
		}
		if err := v.locals(&p, "MPI_LOCALRANKID", "MPI_LOCALNRANKS"); err != nil {
			return found{}, err
		}
		return onHost(p, "MPI_LOCALNRANKS", func() ([]string, error) {
			if v.see("HYDI_CONTROL_FD") == "" {
				return nil, fmt.Errorf("HYDI_CONTROL_FD is not set, by which the job is known")
			}
			// No variable names the job, but each process inherits the one connection of its
			// host's proxy with mpiexec: its number is the job's as long as it runs.
			fd, err := v.number("HYDI_CONTROL_FD", 0, 1<<20)
			if err != nil {
				return nil, err
			}
			link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
			if err != nil {
				return nil, fmt.Errorf("%s, by which the job is known, is not open here: was this process started through a script that closes it? %w", v.say("HYDI_CONTROL_FD"), err)
			}
			return []string{link}, nil
		}), nil
	},
}

// onHost completes what an MPI says: a key if all processes are on this host.
func onHost(p Place, locals string, job func() ([]string, error)) found {
	switch {
	case p.Processes == 1:
		return found{Place: p}
	case p.Locals == 0:
		return found{Place: p, lack: fmt.Errorf("%s is not set, so the %d processes may be on several hosts, and nothing says where process 0 is", locals, p.Processes)}
	case p.Locals < p.Processes:
		return found{Place: p, lack: fmt.Errorf("%s=%d of %d processes are on this host, and nothing says where process 0 is", locals, p.Locals, p.Processes)}
	}
	parts, err := job()
	if err != nil {
		return found{Place: p, lack: err}
	}
	p.SameHost, p.Key = true, key(p.Engine, parts...)
	return found{Place: p}
}
