package hardware

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Figure is a number, and where it is from.
type Figure struct {
	Value  float64 `yaml:"value"`
	Source string  `yaml:"source"`
}

// Hardware is a cluster of one kind of GPU: what a node has, and how nodes are connected.
type Hardware struct {
	Name  string `yaml:"name"`  // lower case; how it is asked for
	Title string `yaml:"title"` // for people

	GPU      GPU      `yaml:"gpu"`
	ScaleUp  ScaleUp  `yaml:"scale_up"`
	ScaleOut ScaleOut `yaml:"scale_out"`
	Fabric   Fabric   `yaml:"fabric"`
}

// GPU is one GPU.
type GPU struct {
	SMs    Figure `yaml:"sms,flow"`         // of AMD: compute units
	Memory Figure `yaml:"memory_gbps,flow"` // reads and writes together
}

// ScaleUp is the fabric of a scale-up domain (NVLink), as one GPU has it.
type ScaleUp struct {
	GPUs       Figure `yaml:"gpus,flow"` // in a domain
	Line       Figure `yaml:"line_gbps,flow"`
	Achievable Figure `yaml:"achievable_gbps,flow"`
	Store      Figure `yaml:"store_us,flow"` // until a peer sees what was stored
}

// ScaleOut is the network between domains.
type ScaleOut struct {
	NICs       Figure `yaml:"nics_per_gpu,flow"`
	Line       Figure `yaml:"line_gbps,flow"`       // of a NIC
	Achievable Figure `yaml:"achievable_gbps,flow"` // of a NIC
	Put        Figure `yaml:"put_us,flow"`          // until the first byte of a put is there
	Signal     Figure `yaml:"signal_us,flow"`       // until a signal is seen
}

// Fabric is what is between the NICs of domains.
type Fabric struct {
	RailOptimised bool   `yaml:"rail_optimised"`  // a rail's NICs share a leaf switch
	Tiers         Figure `yaml:"tiers,flow"`      // of switches
	LeafNodes     Figure `yaml:"leaf_nodes,flow"` // domains whose NICs share a leaf switch
	// Oversubscription is what the ports towards NICs can carry over what those towards the
	// next tier can; 1 is none.
	Oversubscription Figure `yaml:"oversubscription,flow"`
}

// OutGBps is what all NICs of a GPU carry one way, by their achievable rate.
func (h *Hardware) OutGBps() float64 { return h.ScaleOut.NICs.Value * h.ScaleOut.Achievable.Value }

// Domain is the number of GPUs in a scale-up domain.
func (h *Hardware) Domain() int { return int(h.ScaleUp.GPUs.Value) }

// SMs is the number of SMs of a GPU.
func (h *Hardware) SMs() int { return int(h.GPU.SMs.Value) }

// Line is a figure of a Hardware, by the place that it has in a file.
type Line struct {
	Field, Unit string
	Figure
	least, most float64
	whole       bool
}

// Bounds of what is believed: GB/s, and microseconds.
const (
	slowest = 1e-3
	fastest = 1e6
	latest  = 1e6
)

// Lines are all figures, in the order of a file.
func (h *Hardware) Lines() []Line {
	u, o, f := &h.ScaleUp, &h.ScaleOut, &h.Fabric
	return []Line{
		{"gpu.sms", "", h.GPU.SMs, 1, 4096, true},
		{"gpu.memory_gbps", "GB/s", h.GPU.Memory, slowest, fastest, false},
		{"scale_up.gpus", "", u.GPUs, 1, 4096, true},
		{"scale_up.line_gbps", "GB/s", u.Line, slowest, fastest, false},
		{"scale_up.achievable_gbps", "GB/s", u.Achievable, slowest, u.Line.Value, false},
		{"scale_up.store_us", "us", u.Store, 0, latest, false},
		{"scale_out.nics_per_gpu", "", o.NICs, 1.0 / 64, 64, false},
		{"scale_out.line_gbps", "GB/s", o.Line, slowest, fastest, false},
		{"scale_out.achievable_gbps", "GB/s", o.Achievable, slowest, o.Line.Value, false},
		{"scale_out.put_us", "us", o.Put, 0, latest, false},
		{"scale_out.signal_us", "us", o.Signal, 0, latest, false},
		{"fabric.tiers", "", f.Tiers, 1, 4, true},
		{"fabric.leaf_nodes", "", f.LeafNodes, 1, 1 << 16, true},
		{"fabric.oversubscription", "", f.Oversubscription, 1, 1000, false},
	}
}

// check says what is wrong, and which field is.
func (h *Hardware) check() (field string, err error) {
	if field, err := checkNames(h.Name, h.Title); err != nil {
		return field, err
	}
	return checkLines(h.Lines())
}

func checkNames(name, title string) (field string, err error) {
	if name == "" || strings.ToLower(name) != name || strings.ContainsAny(name, " /\\") {
		return "name", fmt.Errorf("%q: want a word in lower case", name)
	}
	if title == "" {
		return "title", fmt.Errorf("missing: want what people call it")
	}
	return "", nil
}

func checkLines(lines []Line) (field string, err error) {
	i := slices.IndexFunc(lines, func(l Line) bool { return l.wrong() != nil })
	if i < 0 {
		return "", nil
	}
	return lines[i].Field, lines[i].wrong()
}

// wrong says what is wrong with a figure. One that is missing is 0 and has no source.
func (l *Line) wrong() error {
	v := l.Value
	switch {
	case l.Figure == Figure{}:
		return fmt.Errorf("missing: want a value and its source")
	case !(v >= l.least && v <= l.most): // also not a number
		return fmt.Errorf("%v: want %v to %v", v, l.least, l.most)
	case l.whole && v != math.Trunc(v):
		return fmt.Errorf("%v: want a whole number", v)
	case strings.TrimSpace(l.Source) == "":
		return fmt.Errorf("has no source: say where %v is from, or that it is assumed", v)
	}
	return nil
}
