package engine

import "fmt"

// torchrun is PyTorch's launcher, and whatever else sets its variables.
var torchrun = engine{
	name: "torchrun",
	here: func(v *variables) bool { return v.get("RANK") != "" || v.get("WORLD_SIZE") != "" },
	find: func(v *variables) (found, error) {
		p, err := v.place("torchrun", "RANK", "WORLD_SIZE")
		if err != nil {
			return found{}, err
		}
		if err := v.locals(&p, "LOCAL_RANK", "LOCAL_WORLD_SIZE"); err != nil {
			return found{}, err
		}
		if p.Processes == 1 {
			return found{Place: p}, nil
		}
		host := v.see("MASTER_ADDR")
		if host == "" || v.see("MASTER_PORT") == "" {
			return found{Place: p, lack: fmt.Errorf("%s and %s, but MASTER_ADDR or MASTER_PORT is not set, which say where process 0 is", v.say("RANK"), v.say("WORLD_SIZE"))}, nil
		}
		// torchrun's own store may listen on MASTER_PORT already.
		next := 0
		if v.see("TORCHELASTIC_USE_AGENT_STORE") == "True" {
			next = 1
		}
		port, err := v.number("MASTER_PORT", 1, 65535-next)
		if err != nil {
			return found{}, err
		}
		// On one host a file needs neither a free port nor a secret: MASTER_ADDR is
		// often the host's outer address.
		if p.Locals == p.Processes {
			p.SameHost = true
			p.Key = key("torchrun", host, v.get("MASTER_PORT"), v.get("TORCHELASTIC_RUN_ID"), v.get("TORCHELASTIC_RESTART_COUNT"))
			return found{Place: p}, nil
		}
		if p.Rendezvous, err = address(host, port+next); err != nil {
			return found{}, fmt.Errorf("MASTER_ADDR: %w", err)
		}
		return found{Place: p}, nil
	},
}
