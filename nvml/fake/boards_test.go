package fake

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBoards(t *testing.T) {
	// What GPUs share with the NICs that are there for them, with those of the next GPU, and
	// with those of the last one.
	distances := map[string]string{
		"a100": "PXB PXB SYS", "h100": "PIX NODE SYS", "h200": "PIX NODE SYS", "b200": "PIX NODE SYS",
		"gb200": "NODE NODE SYS", "h100-efa": "PIX NODE SYS", "h100-pcie": "NODE NODE SYS",
	}
	for _, b := range boards {
		t.Run(b.name, func(t *testing.T) {
			built := b.with(b.gpus)
			devices, bridges := map[string]bool{}, map[string]bool{}
			each := func(s Slot) {
				last := len(s.Path) - 1
				if devices[s.PCI] || s.PCI != s.Path[last] || !strings.HasPrefix(s.Path[0], "pci") {
					t.Errorf("%s is there twice, or not at the end of its path %v", s.PCI, s.Path)
				}
				devices[s.PCI] = true
				for _, bridge := range s.Path[1:last] {
					bridges[bridge] = true
				}
			}
			for _, s := range built.GPUs {
				each(s)
			}
			for _, n := range built.NICs {
				each(n.Slot)
				if n.GbitPerS != b.gbit || n.LinkLayer != b.layer {
					t.Errorf("%s is %v Gb/s of %s", n.Name, n.GbitPerS, n.LinkLayer)
				}
			}
			for bridge := range bridges {
				if devices[bridge] {
					t.Errorf("%s is a bridge and a device", bridge)
				}
			}
			perGPU := float64(len(built.NICs)) / float64(b.gpus)
			nics := func(gpu int) NIC { return built.NICs[int(float64(gpu)*perGPU)] }
			gpu := built.GPUs[0]
			got := strings.Join([]string{
				ancestor(gpu, nics(0).Slot), ancestor(gpu, nics(1).Slot), ancestor(gpu, nics(b.gpus-1).Slot),
			}, " ")
			if got != distances[b.name] {
				t.Errorf("GPU 0 is %s from NICs, expected %q", got, distances[b.name])
			}
			// No NIC is nearer to a GPU than its own.
			far := func(gpu, nic Slot) int {
				return slices.Index([]string{"X", "PIX", "PXB", "PHB", "NODE", "SYS"}, ancestor(gpu, nic))
			}
			for i, gpu := range built.GPUs {
				for _, n := range built.NICs {
					if far(gpu, n.Slot) < far(gpu, nics(i).Slot) {
						t.Errorf("%s is nearer to GPU %d than %s", n.Name, i, nics(i).Name)
					}
				}
			}
		})
	}
}

func TestFewerGPUsAreTheFirst(t *testing.T) {
	for _, b := range boards {
		whole, part := b.with(b.gpus), b.with(1)
		if diff := cmp.Diff(whole.GPUs[:1], part.GPUs); diff != "" {
			t.Errorf("%s: GPUs (-whole +part):\n%s", b.name, diff)
		}
		if diff := cmp.Diff(whole.NICs[:len(part.NICs)], part.NICs); diff != "" || len(part.NICs) == 0 {
			t.Errorf("%s: NICs (-whole +part):\n%s", b.name, diff)
		}
	}
}

func TestAncestor(t *testing.T) {
	slot := func(numa int, path string) Slot { return Slot{Path: strings.Fields(path), NUMA: numa} }
	a := slot(0, "pci0000:00 0000:00:01.0 0000:01:00.0 0000:02:00.0 0000:03:00.0")
	tests := map[string]struct {
		other Slot
		want  string
	}{
		"itself":        {a, "X"},
		"one switch":    {slot(0, "pci0000:00 0000:00:01.0 0000:01:00.0 0000:02:01.0 0000:04:00.0"), "PIX"},
		"two switches":  {slot(0, "pci0000:00 0000:00:01.0 0000:05:00.0"), "PXB"},
		"a host bridge": {slot(0, "pci0000:00 0000:00:02.0 0000:06:00.0"), "PHB"},
		"a memory node": {slot(0, "pci0000:40 0000:40:01.0 0000:41:00.0"), "NODE"},
		"nothing":       {slot(1, "pci0000:80 0000:80:01.0 0000:81:00.0"), "SYS"},
	}
	for name, test := range tests {
		if got := ancestor(a, test.other); got != test.want {
			t.Errorf("%s: %s, expected %s", name, got, test.want)
		}
	}
}
