package fabric

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"

	"github.com/commbench/commbench/nvml/answer"
)

// Fabric is what a machine is connected by.
type Fabric struct {
	Interfaces answer.Of[[]Interface] `json:"interfaces"` // by name
	Devices    answer.Of[[]Device]    `json:"devices"`    // RDMA devices by name; an empty list where the kernel has none
}

// More than these are not read: there are no such machines.
const (
	mostInterfaces = 4096
	mostDevices    = 1024
	mostPorts      = 256
	mostGIDs       = 1024
)

// ReadInterfaces looks at interfaces only, and not whose they are. It asks no RDMA device, which may take long.
func ReadInterfaces(root string) answer.Of[[]Interface] {
	return entries(sys(root, "class"), "net", mostInterfaces, func(at folder) (Interface, bool) {
		// Not everything is an interface: bonding keeps a file here.
		return readInterface(root, at), !at.isFile()
	})
}

// Read looks at all of it. The root is the folder that has sys/ below it; "" is "/".
func Read(root string) Fabric {
	class := sys(root, "class")
	f := Fabric{
		Interfaces: ReadInterfaces(root),
		Devices: entries(class, "infiniband", mostDevices, func(at folder) (Device, bool) {
			return readDevice(root, at), true
		}),
	}
	if class.exists() && errors.Is(f.Devices.Err(), errors.ErrUnsupported) {
		f.Devices = answer.Is([]Device{}) // the kernel makes the class when it is ready for one
	}
	devices := f.Devices.Or(nil)
	for i := range devices {
		devices[i].Netdevs = sharing(devices[i].Place, f.Interfaces.Or(nil))
	}
	return f
}

// Owner is the RDMA device of the PCI function that an interface is of, nil where there is none.
func (f *Fabric) Owner(netdev string) *Device {
	devices := f.Devices.Or(nil)
	for i := range devices {
		if slices.Contains(devices[i].Netdevs, netdev) {
			return &devices[i]
		}
	}
	return nil
}

// Below are the names of an interface and of all that it stands on, itself first.
func (f *Fabric) Below(name string) []string {
	names, all := []string{name}, f.Interfaces.Or(nil)
	for n := 0; n < len(names); n++ {
		if i := slices.IndexFunc(all, func(i Interface) bool { return i.Name == names[n] }); i >= 0 {
			for _, below := range all[i].Below {
				if !slices.Contains(names, below) {
					names = append(names, below)
				}
			}
		}
	}
	return names
}

// entries reads everything in a folder of a class, by name.
func entries[T any](class folder, name string, most int, read func(folder) (T, bool)) answer.Of[[]T] {
	names, err := class.at(name).list(most)
	if err != nil {
		if runtime.GOOS != "linux" && errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %w", none("only Linux has sysfs"), err)
		}
		return answer.From[[]T](nil, err)
	}
	all := []T{}
	for _, n := range names {
		if v, ok := read(class.at(name, n)); ok {
			all = append(all, v)
		}
	}
	return answer.Is(all)
}

// sharing are the names of the interfaces of a PCI function.
func sharing(at Place, interfaces []Interface) []string {
	names := []string{}
	if pci, ok := at.PCI.Get(); ok {
		for _, i := range interfaces {
			if i.Place.PCI.Or("") == pci {
				names = append(names, i.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}
