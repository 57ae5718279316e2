package fabric_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/nvml/answer"
)

// What is broken is said of what is broken, and of nothing else.
func TestOnePortIsBroken(t *testing.T) {
	m := machine()
	healthy := m.write(t)
	folder := "devices/pci0000:15/0000:15:01.0/0000:18:00.0/infiniband/mlx5_0/"
	delete(m, folder+"fw_ver")
	delete(m, folder+"ports/1/counters/link_downed")
	m.add(folder+"ports/2", port("InfiniBand", "10 Gb/sec (4X)").with(tree{
		"state": "1: DOWN\n", "phys_state": "3: Disabled\n", "lid": "0x0\n",
		"gids/0":                  "invalid\n",
		"counters/port_xmit_data": "N/A (no PMA)\n", "counters/symbol_error": "\n", "counters/port_rcv_errors": "many\n",
	}))
	for _, name := range []string{"ports/2/counters/port_xmit_discards", "ports/1/rate"} {
		delete(m, folder+name)
		m[folder+name+"/"] = "" // cannot be read, even by root
	}
	before, devicesBefore := byName(t, healthy)
	after, devices := byName(t, m.write(t))

	if diff := cmp.Diff(text(t, before), text(t, after)); diff != "" {
		t.Errorf("interfaces changed:\n%s", diff)
	}
	broken := devices["mlx5_0"]
	delete(devices, "mlx5_0")
	delete(devicesBefore, "mlx5_0")
	if diff := cmp.Diff(text(t, devicesBefore), text(t, devices)); diff != "" {
		t.Errorf("other devices changed:\n%s", diff)
	}
	ports := broken.Ports.Or(nil)
	if len(ports) != 2 {
		t.Fatalf("there are %d ports", len(ports))
	}
	one, two := ports[0], ports[1]
	faults, faults2 := one.Faults.Or(fabric.PortFaults{}), two.Faults.Or(fabric.PortFaults{})
	for what, c := range map[string]struct {
		err  error
		is   error
		says string
	}{
		"firmware":   {broken.Firmware.Err(), errors.ErrUnsupported, "no fw_ver"},
		"rate":       {one.RateGbps.Err(), answer.ErrUnknown, "ports/1/rate: is a directory"},
		"width":      {one.Width.Err(), answer.ErrUnknown, "ports/1/rate: is a directory"},
		"link down":  {faults.LinkDowned.Err(), errors.ErrUnsupported, "no counters/link_downed"},
		"speed":      {two.Speed.Err(), errors.ErrUnsupported, "does not name it"},
		"GUID":       {two.GUID.Err(), answer.ErrUnknown, `"invalid": expected a GID`},
		"counters":   {two.Counters.Err(), errors.ErrUnsupported, `mlx5_0 port 2`},
		"no PMA":     {two.Counters.Err(), errors.ErrUnsupported, `the port says "N/A (no PMA)"`},
		"empty":      {faults2.SymbolErrors.Err(), errors.ErrUnsupported, "counters/symbol_error is empty"},
		"no number":  {faults2.RxErrors.Err(), answer.ErrUnknown, `port_rcv_errors: "many": expected a number`},
		"unreadable": {faults2.TxDiscards.Err(), answer.ErrUnknown, "port_xmit_discards: is a directory"},
	} {
		if !errors.Is(c.err, c.is) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v, expected %v with %q", what, c.err, c.is, c.says)
		}
	}
	if one.State.Or("") != "ACTIVE" || faults.SymbolErrors != answer.Is[uint64](3) {
		t.Errorf("port 1 is %v with %v symbol errors", one.State, faults.SymbolErrors)
	}
	if two.State.Or("") != "DOWN" || two.Physical.Or("") != "Disabled" || two.RateGbps.Or(0) != 10 || two.LID.Or("") != "0x0" {
		t.Errorf("port 2 is %v, %v, at %v Gbit/s, LID %v", two.State, two.Physical, two.RateGbps, two.LID)
	}
	if gids, ok := two.GIDs.Get(); !ok || len(gids) != 0 {
		t.Errorf("GIDs of port 2 are %v", two.GIDs)
	}
}

func TestNothingThere(t *testing.T) {
	t.Run("no InfiniBand", func(t *testing.T) {
		f := fabric.Read(tree{"class/net/": ""}.write(t))
		if devices, ok := f.Devices.Get(); !ok || len(devices) != 0 {
			t.Errorf("devices are %v", f.Devices)
		}
		if interfaces, ok := f.Interfaces.Get(); !ok || len(interfaces) != 0 {
			t.Errorf("interfaces are %v", f.Interfaces)
		}
	})
	t.Run("empty root", func(t *testing.T) {
		f := fabric.Read(t.TempDir())
		want := answer.ErrUnknown
		if runtime.GOOS != "linux" {
			want = errors.ErrUnsupported
		}
		for _, err := range []error{f.Interfaces.Err(), f.Devices.Err()} {
			if !errors.Is(err, want) || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v, expected %v", err, want)
			}
		}
	})
	t.Run("a file for a class", func(t *testing.T) {
		f := fabric.Read(tree{"class/net": "", "class/infiniband": ""}.write(t))
		for _, err := range []error{f.Interfaces.Err(), f.Devices.Err()} {
			if !errors.Is(err, answer.ErrUnknown) {
				t.Errorf("%v", err)
			}
		}
	})
}

// Devices go away while they are listed and read. What is left is whole.
func TestDeviceGoes(t *testing.T) {
	m := machine()
	m["class/infiniband/mlx5_9"] = "-> devices/gone/mlx5_9"
	root := m.write(t)
	_, devices := byName(t, root)
	for what, err := range answer.Missing(devices["mlx5_9"]) {
		if !strings.HasPrefix(err, "could not tell: ") {
			t.Errorf("of a device that is gone, %s: %s", what, err)
		}
	}
	want := text(t, devices["mlx5_1"])
	done := make(chan error, 1)
	go func() {
		done <- os.RemoveAll(filepath.Join(root, "sys/devices/pci0000:15"))
	}()
	for going := true; going; {
		select {
		case err := <-done:
			must(t, err)
			going = false
		default:
		}
		_, devices := byName(t, root)
		if diff := cmp.Diff(want, text(t, devices["mlx5_1"])); diff != "" {
			t.Fatalf("another device changed:\n%s", diff)
		}
	}
	_, devices = byName(t, root)
	if err := devices["mlx5_0"].Ports.Err(); !errors.Is(err, answer.ErrUnknown) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ports of the device: %v", err)
	}
}

// No name and no number of a tree is one that we believe.
func TestStrangeNames(t *testing.T) {
	m := machine()
	p := "devices/pci0000:a0/0000:a0:01.0/0000:a1:00.0/infiniband/mlx5_1/ports/"
	for _, name := range []string{"0x2/state", "02/state", "-1/state", "99999999999999999999/state", "1/gids/007", "1/gids/all"} {
		m[p+name] = "4: ACTIVE\n"
	}
	m[p+"1/phys_state"] = strings.Repeat("5: LinkUp", 1000)
	m[p+"1/state"] = "4: ACT\x1b[31mIVE\n"
	_, devices := byName(t, m.write(t))
	ports := devices["mlx5_1"].Ports.Or(nil)
	if len(ports) != 1 || len(ports[0].GIDs.Or(nil)) != 4 {
		t.Fatalf("ports are %v", ports)
	}
	if err := ports[0].Physical.Err(); err == nil || !strings.Contains(err.Error(), "expected fewer than") {
		t.Errorf("a long text: %v", err)
	}
	if err := ports[0].State.Err(); err == nil || !strings.Contains(err.Error(), "printable") {
		t.Errorf("a text for the terminal: %v", err)
	}
}
