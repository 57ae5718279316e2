package fabric

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/commbench/commbench/nvml/answer"
)

// Place is where a PCI device is.
type Place struct {
	PCI  answer.Of[string]   `json:"pci"`  // "0000:17:00.0"
	Path answer.Of[[]string] `json:"path"` // from the host bridge down: "pci0000:15", "0000:15:01.0", ..., the device itself
	NUMA answer.Of[int]      `json:"numa_node"`
}

// PCIe is the link of a device to its host.
type PCIe struct {
	SpeedGTs    answer.Of[float64] `json:"speed_gts"`     // GT/s
	MaxSpeedGTs answer.Of[float64] `json:"max_speed_gts"` // of device and slot together
	Width       answer.Of[int]     `json:"width"`         // lanes
	MaxWidth    answer.Of[int]     `json:"max_width"`
}

var (
	function = regexp.MustCompile(`^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$`)
	bridge   = regexp.MustCompile(`^pci[0-9a-f]{4,8}:[0-9a-f]{2}$`)
)

// At says where the PCI device of an address is: "0000:17:00.0", or as NVML writes it,
// "00000000:17:00.0" and with capital letters.
func At(root, pci string) Place {
	at, err := pciFolder(root, pci)
	if err != nil {
		return nowhere(err)
	}
	return locate(root, at)
}

// PCIeOf is the link of the PCI device of an address. A virtual function does not say what
// it has, nor does a device that a hypervisor makes.
func PCIeOf(root, pci string) answer.Of[PCIe] {
	at, err := pciFolder(root, pci)
	if err != nil {
		return answer.From(PCIe{}, err)
	}
	if _, err := os.Stat(string(at)); err != nil {
		return answer.From(PCIe{}, at.gone(err))
	}
	slot := at // what the device hangs on, where that has a link
	if real, err := filepath.EvalSymlinks(string(at)); err == nil {
		slot = folder(real).above()
	}
	return answer.Is(PCIe{
		SpeedGTs:    get(at, "current_link_speed", transfers),
		MaxSpeedGTs: least(get(at, "max_link_speed", transfers), get(slot, "max_link_speed", transfers)),
		Width:       get(at, "current_link_width", lanes),
		MaxWidth:    least(get(at, "max_link_width", lanes), get(slot, "max_link_width", lanes)),
	})
}

// least is the lesser of what a device and its slot can do. Not every slot says.
func least[T int | float64](device, slot answer.Of[T]) answer.Of[T] {
	return answer.Map(device, func(v T) T { return min(v, slot.Or(v)) })
}

// linkOf is the link of a place.
func linkOf(root string, at Place) answer.Of[PCIe] {
	pci, ok := at.PCI.Get()
	if !ok {
		return answer.From(PCIe{}, at.PCI.Err())
	}
	return PCIeOf(root, pci)
}

// pciFolder is a device's, by an address that may come from anywhere.
func pciFolder(root, pci string) (folder, error) {
	name, err := normal(pci)
	if err != nil {
		return "", err
	}
	return sys(root, "bus/pci/devices", name), nil
}

// normal writes an address as the kernel does, which gives a domain four digits or more.
func normal(pci string) (string, error) {
	lower := strings.ToLower(pci)
	if !function.MatchString(lower) {
		return "", fmt.Errorf("PCI address %.40q: expected domain:bus:device.function, as 0000:17:00.0", pci)
	}
	domain, rest, _ := strings.Cut(lower, ":")
	n, err := strconv.ParseUint(domain, 16, 32)
	return fmt.Sprintf("%04x:%s", n, rest), err
}

// locate says where the device is that a link leads to: a PCI device, or one that hangs on
// such, as a virtio device does.
func locate(root string, link folder) Place {
	real, err := filepath.EvalSymlinks(string(link))
	if err != nil {
		return nowhere(link.gone(err))
	}
	device := folder(real)
	for !function.MatchString(device.name()) {
		if device == device.above() {
			return nowhere(none("not on a PCI bus"))
		}
		device = device.above()
	}
	numa := get(device, "numa_node", memoryNode)
	if nodes := get(sys(root, "devices/system/node"), "online", word); nodes.Or("") == "0" && errors.Is(numa.Err(), errors.ErrUnsupported) {
		numa = answer.Is(0) // it is near the only one
	}
	return Place{PCI: answer.Is(device.name()), Path: answer.From(pathTo(device)), NUMA: numa}
}

func nowhere(err error) Place {
	return Place{answer.From("", err), answer.From[[]string](nil, err), answer.From(0, err)}
}

// pathTo is the way down from the host bridge, which the kernel's folders follow.
func pathTo(device folder) ([]string, error) {
	var path []string
	for at := device; ; at = at.above() {
		path = append(path, at.name())
		if function.MatchString(at.name()) {
			continue
		}
		if !bridge.MatchString(at.name()) {
			return nil, fmt.Errorf("%s: expected a host bridge above it, as pci0000:00", device)
		}
		slices.Reverse(path)
		return path, nil
	}
}
