package hardware

import (
	"fmt"
	"strings"
)

// Profile is a generation of dispatch and combine kernels: what an SM does for them.
type Profile struct {
	Name  string `yaml:"name"`
	Title string `yaml:"title"`

	// RolesApart: forwarders have SMs of their own, half of them. Else an SM does all.
	RolesApart bool `yaml:"roles_apart"`
	// LowLatency: they are for decoding, and put each choice straight to its expert's rank. How
	// many SMs they take follows from the number of experts.
	LowLatency bool `yaml:"low_latency"`
	// Engine: something other than SMs does all their work, as fast as links and memory go.
	Engine bool `yaml:"engine"`

	Read   Figure `yaml:"read_gbps,flow"`   // of an SM, from memory
	Write  Figure `yaml:"write_gbps,flow"`  // of an SM, to memory and to peers
	Reduce Figure `yaml:"reduce_gbps,flow"` // of an SM, of what it adds up

	ScaleUp  Figure `yaml:"scale_up_share,flow"`  // of the achievable rate that these kernels reach
	ScaleOut Figure `yaml:"scale_out_share,flow"` // the same of scale-out

	Chunk Figure `yaml:"chunk,flow"` // tokens between two signals of a channel
	Ring  Figure `yaml:"ring,flow"`  // rows of a channel's buffer from a peer; 0: room for all

	Fixed Figure `yaml:"fixed_us,flow"` // of each operation, whatever its size, beside latencies

	Margin Figure `yaml:"margin,flow"`      // SMs over the fewest that would do, for what nobody counts
	Least  Figure `yaml:"least_sms,flow"`   // that are ever used
	Step   Figure `yaml:"multiple_of,flow"` // SMs come in such numbers
}

// Lines are all figures, in the order of a file.
func (p *Profile) Lines() []Line {
	return []Line{
		{"read_gbps", "GB/s", p.Read, slowest, fastest, false},
		{"write_gbps", "GB/s", p.Write, slowest, fastest, false},
		{"reduce_gbps", "GB/s", p.Reduce, slowest, fastest, false},
		{"scale_up_share", "", p.ScaleUp, 0.01, 1, false},
		{"scale_out_share", "", p.ScaleOut, 0.01, 1, false},
		{"chunk", "tokens", p.Chunk, 1, 65535, true},
		{"ring", "tokens", p.Ring, 0, 65535, true},
		{"fixed_us", "us", p.Fixed, 0, latest, false},
		{"margin", "", p.Margin, 1, 100, false},
		{"least_sms", "", p.Least, 1, 4096, true},
		{"multiple_of", "", p.Step, 1, 4096, true},
	}
}

func (p *Profile) check() (field string, err error) {
	if field, err := checkNames(p.Name, p.Title); err != nil {
		return field, err
	}
	if p.LowLatency && p.RolesApart {
		return "roles_apart", fmt.Errorf("true: low-latency kernels have no such roles")
	}
	return checkLines(p.Lines())
}

// Kernels returns the profile of a name or, where the name is a path or ends in .yaml or .yml,
// what is in that file. The error lists what there is.
func Kernels(name string) (*Profile, error) {
	if isFile(name) {
		p := new(Profile)
		if err := readFile(name, p); err != nil {
			return nil, err
		}
		return p, nil
	}
	for _, p := range profiles() {
		if p.Name == strings.ToLower(name) {
			p := *p
			return &p, nil
		}
	}
	return nil, fmt.Errorf("hardware: no kernels %q; there are %s; a file's name ends in .yaml", name, strings.Join(Profiles(), ", "))
}

// YAML is the profile as a file that Kernels takes.
func (p *Profile) YAML() []byte { return marshal(p) }
