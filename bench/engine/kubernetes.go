package engine

import (
	"fmt"
	"strconv"
	"strings"
)

const kubernetesPort = 29500

// kubernetes is a pod of a Job with completionMode Indexed. It says which pod this
// is, but not of how many: the manifest must, in COMMBENCH_WORLD.
var kubernetes = engine{
	name: "kubernetes",
	here: func(v *variables) bool { return v.get("JOB_COMPLETION_INDEX") != "" },
	find: func(v *variables) (found, error) {
		p, err := v.place("kubernetes", "JOB_COMPLETION_INDEX", varWorld)
		if err != nil || p.Processes == 1 {
			return found{Place: p}, err
		}
		name, err := v.host()
		if err != nil {
			return found{Place: p, lack: fmt.Errorf("this pod's name, and so that of process 0, is not known: %w", err)}, nil
		}
		short, _, _ := strings.Cut(name, ".")
		job, ok := strings.CutSuffix(short, "-"+strconv.Itoa(p.Process))
		if !ok {
			return found{Place: p, lack: fmt.Errorf("this pod's name %s does not end in -%d, so that of process 0 is not known", plain(name), p.Process)}, nil
		}
		if p.Process == 0 {
			// The cluster's DNS may know a pod some seconds after that has started; the pod's own /etc/hosts does at once.
			p.Rendezvous, err = address(short, kubernetesPort)
			return found{p, err, short}, nil
		}
		first := job + "-0"
		if domain := v.see("COMMBENCH_SUBDOMAIN"); domain != "" {
			first += "." + domain
		}
		p.Rendezvous, err = address(first, kubernetesPort)
		return found{Place: p, lack: err}, nil
	},
}
