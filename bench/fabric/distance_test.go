package fabric_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/nvml/answer"
)

// Two sockets. On the first, a switch with a GPU, a NIC with two ports and another switch with
// a NIC below it, and a GPU on a port of its own; a host bridge more with a NIC. On the second
// a GPU. The firmware says nothing of a NIC behind a third.
var sockets = map[string]string{
	"pci0000:15/0000:15:01.0/0000:16:00.0/0000:17:00.0/0000:18:00.0":                           "0", // GPU
	"pci0000:15/0000:15:01.0/0000:16:00.0/0000:17:01.0/0000:19:00.0":                           "0", // NIC
	"pci0000:15/0000:15:01.0/0000:16:00.0/0000:17:01.0/0000:19:00.1":                           "0",
	"pci0000:15/0000:15:01.0/0000:16:00.0/0000:17:02.0/0000:1a:00.0/0000:1b:00.0/0000:1c:00.0": "0", // NIC
	"pci0000:15/0000:15:02.0/0000:1d:00.0":                                                     "0", // GPU
	"pci0000:30/0000:30:01.0/0000:31:00.0":                                                     "0", // NIC
	"pci0000:a0/0000:a0:01.0/0000:a1:00.0":                                                     "1", // GPU
	"pci10000:e0/10000:e0:06.0/10000:e1:00.0":                                                  "-1",
}

func TestBetween(t *testing.T) {
	m := tree{}
	for path, numa := range sockets {
		m.pci(path, numa)
	}
	root := m.write(t)
	tests := map[string]struct{ a, b, want string }{
		"itself":             {"0000:18:00.0", "0000:18:00.0", "X"},
		"functions of a NIC": {"0000:19:00.0", "0000:19:00.1", "X"},
		"as NVML writes it":  {"00000000:18:00.0", "00000000:18:00.0", "X"},
		"one switch":         {"0000:18:00.0", "0000:19:00.1", "PIX"},
		"two switches":       {"0000:18:00.0", "0000:1C:00.0", "PXB"},
		"host bridge":        {"0000:18:00.0", "0000:1d:00.0", "PHB"},
		"host bridges":       {"0000:18:00.0", "0000:31:00.0", "NODE"},
		"sockets":            {"0000:18:00.0", "0000:a1:00.0", "SYS"},
		"firmware is silent": {"0000:18:00.0", "10000:e1:00.0", "could not tell: no host bridge is shared, and the memory node: not supported: the firmware does not say"},
		"no such device":     {"0000:18:00.0", "0000:99:00.0", "not supported: no 0000:99:00.0"},
		"no address":         {"../../../etc", "0000:18:00.0", `could not tell: PCI address "../../../etc": expected domain:bus:device.function, as 0000:17:00.0`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a, b := fabric.At(root, test.a), fabric.At(root, test.b)
			for _, got := range []answer.Of[fabric.Distance]{fabric.Between(a, b), fabric.Between(b, a)} {
				if got.String() != test.want {
					t.Errorf("it is %v, expected %s", got, test.want)
				}
			}
		})
	}
}

// Where there is one memory node, all is near it, whether the firmware says so or not.
func TestOneNode(t *testing.T) {
	for online, want := range map[string]string{"0": "NODE", "0-1": "could not tell: no host bridge is shared, and the memory node: not supported: the firmware does not say"} {
		m := tree{"devices/system/node/online": online + "\n"}
		m.pci("pci0000:15/0000:15:01.0/0000:16:00.0", "-1")
		m.pci("pci0000:30/0000:30:01.0/0000:31:00.0", "-1")
		root := m.write(t)
		if got := fabric.Between(fabric.At(root, "0000:16:00.0"), fabric.At(root, "0000:31:00.0")).String(); got != want {
			t.Errorf("of nodes %s it is %s, expected %s", online, got, want)
		}
	}
}

// Places may be made by hand, and need not be right.
func TestBetweenNowhere(t *testing.T) {
	known := fabric.Place{Path: answer.Is([]string{"pci0000:00", "0000:00:03.0"}), NUMA: answer.Is(0)}
	for name, place := range map[string]fabric.Place{
		"nobody asked": {},
		"empty path":   {Path: answer.Is([]string{})},
	} {
		for _, got := range []answer.Of[fabric.Distance]{fabric.Between(place, known), fabric.Between(known, place), fabric.Between(place, place)} {
			if !errors.Is(got.Err(), answer.ErrUnknown) {
				t.Errorf("%s: it is %v", name, got)
			}
		}
	}
}

func TestNearest(t *testing.T) {
	m := tree{}
	for path, numa := range sockets {
		m.pci(path, numa)
	}
	root := m.write(t)
	var nics []fabric.Place
	for _, pci := range []string{"0000:99:00.0", "0000:31:00.0", "0000:19:00.0", "0000:1c:00.0", "0000:19:00.1"} {
		nics = append(nics, fabric.At(root, pci))
	}
	tests := map[string]struct {
		gpu  string
		want []int
		at   fabric.Distance
	}{
		"two of one card": {"0000:18:00.0", []int{2, 4}, fabric.Bridge},
		"all below it":    {"0000:1d:00.0", []int{2, 3, 4}, fabric.Host},
		"other socket":    {"0000:a1:00.0", []int{1, 2, 3, 4}, fabric.System},
		"nobody knows":    {"0000:99:00.0", nil, fabric.Same},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, at := fabric.Nearest(fabric.At(root, test.gpu), nics)
			if diff := cmp.Diff(test.want, got); diff != "" || at != test.at {
				t.Errorf("at %v, expected %v (-want +got):\n%s", at, test.at, diff)
			}
		})
	}
}

func TestDistanceString(t *testing.T) {
	if got := fabric.Distance(7).String() + fabric.Distance(-1).String(); got != "Distance(7)Distance(-1)" {
		t.Errorf("it is %s", got)
	}
}

func TestPCIeOf(t *testing.T) {
	const address = "0000:18:00.0"
	is := func(now, most float64, width, widest int) string {
		return link(fabric.PCIe{SpeedGTs: answer.Is(now), MaxSpeedGTs: answer.Is(most), Width: answer.Is(width), MaxWidth: answer.Is(widest)})
	}
	tests := map[string]struct {
		files tree
		want  string // the fields, or a part of why there are none
	}{
		"as it should be": {nil, is(32, 32, 16, 16)},
		"negotiated down": {tree{"current_link_speed": "2.5 GT/s PCIe\n", "current_link_width": "4\n"}, is(2.5, 32, 4, 16)},
		"older kernel":    {tree{"current_link_speed": "8 GT/s\n", "max_link_speed": "16 GT/s\n"}, is(8, 16, 16, 16)},
		"virtual function": {
			tree{"current_link_speed": "Unknown\n", "current_link_width": "0\n"},
			"not supported: the device does not say 32 not supported: the driver does not say 16",
		},
		"fell off the bus": {tree{"current_link_width": "63\n"}, "63: expected at most 32 lanes"},
		"nonsense":         {tree{"current_link_speed": "fast\n", "max_link_speed": "NaN GT/s PCIe\n"}, `"NaN GT/s PCIe": expected GT/s`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := tree{}
			m.add(m.pci("pci0000:15/"+address, "0"), test.files)
			got := fabric.PCIeOf(m.write(t), address)
			p, ok := got.Get()
			if !ok || !strings.Contains(link(p), test.want) {
				t.Errorf("it is %v", got)
			}
		})
	}
	t.Run("no such device", func(t *testing.T) {
		for _, a := range []string{"0000:99:00.0", "18:00.0"} {
			if got := fabric.PCIeOf(tree{}.write(t), a); got.Err() == nil {
				t.Errorf("%s: it is %v", a, got)
			}
		}
	})
}

func link(p fabric.PCIe) string {
	return strings.Join([]string{p.SpeedGTs.String(), p.MaxSpeedGTs.String(), p.Width.String(), p.MaxWidth.String()}, " ")
}
