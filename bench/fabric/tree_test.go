package fabric_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree is a sysfs that a test makes: what the files say, by their paths below sys/. A text
// that begins with "-> " is a link to a path below sys/ too, and a path that ends with / is
// a folder.
type tree map[string]string

// write makes the tree below a folder that is gone after the test, and returns that.
func (m tree) write(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range m {
		path := filepath.Join(root, "sys", name)
		if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(path, 0o755))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			// Relative, as the kernel's are: the root may be anywhere.
			up := strings.Repeat("../", strings.Count(name, "/"))
			must(t, os.Symlink(up+to, path))
			continue
		}
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return root
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// add puts files into a folder.
func (m tree) add(folder string, files tree) {
	for name, text := range files {
		m[folder+"/"+name] = text
	}
}

// pci adds a PCI device with its path from the host bridge down, and returns its folder.
func (m tree) pci(path, numa string) string {
	folder := "devices/" + path
	address := filepath.Base(path)
	m["bus/pci/devices/"+address] = "-> " + folder
	m.add(folder, tree{
		"numa_node":          numa + "\n",
		"current_link_speed": "32.0 GT/s PCIe\n", "max_link_speed": "32.0 GT/s PCIe\n",
		"current_link_width": "16\n", "max_link_width": "16\n",
	})
	return folder
}

// driver gives a device its driver.
func (m tree) driver(device, name string) {
	m["bus/pci/drivers/"+name+"/"] = ""
	m[device+"/driver"] = "-> bus/pci/drivers/" + name
}

// device adds a member of a class below a PCI device, and returns its folder.
func (m tree) device(class, pci, name string, files tree) string {
	folder := pci + "/" + class + "/" + name
	m["class/"+class+"/"+name] = "-> " + folder
	m[folder+"/device"] = "-> " + pci
	m.add(folder, files)
	return folder
}

// network are the files of an interface that is up.
func network(sent int) tree {
	return tree{
		"type": "1\n", "operstate": "up\n", "carrier": "1\n", "speed": "400000\n", "mtu": "9000\n",
		"statistics/tx_bytes": fmt.Sprintln(sent), "statistics/rx_bytes": "200\n",
		"statistics/tx_packets": "10\n", "statistics/rx_packets": "20\n",
	}
}

// hca are the files of a Mellanox device.
func hca() tree {
	return tree{
		"board_id": "MT_0000000838\n", "hca_type": "MT4129\n", "fw_ver": "28.39.1002\n",
		"node_guid": "b83f:d203:00fc:2a6c\n", "node_type": "1: CA\n",
	}
}

// words are more than 32 bits hold, in bytes.
const words uint64 = 1<<32 - 6

// port are the files of a port that is up, and counts all that it can.
func port(layer, rate string) tree {
	p := tree{
		"link_layer": layer + "\n", "state": "4: ACTIVE\n", "phys_state": "5: LinkUp\n", "rate": rate + "\n",
		"lid": "0x1a\n", "sm_lid": "0x1\n",
		"gids/0": "fe80:0000:0000:0000:b83f:d203:00fc:2a6c\n", "gid_attrs/types/0": "IB/RoCE v1\n",
		"gids/1":                   "0000:0000:0000:0000:0000:0000:0000:0000\n",
		"counters/port_xmit_data":  fmt.Sprintln(words),
		"counters/port_rcv_data":   "25\n",
		"counters/port_xmit_wait":  "77\n",
		"counters/port_rcv_errors": "3\n",
	}
	for i, name := range pma {
		p["counters/"+name] = fmt.Sprintln(i + 1)
	}
	for i, name := range own {
		p["hw_counters/"+name] = fmt.Sprintln(100 + i)
	}
	return p
}

var (
	pma = []string{"port_xmit_packets", "port_rcv_packets", "symbol_error", "link_downed", "link_error_recovery",
		"port_xmit_discards", "local_link_integrity_errors", "excessive_buffer_overrun_errors"}
	own = []string{"out_of_sequence", "out_of_buffer", "local_ack_timeout_err", "packet_seq_err",
		"np_ecn_marked_roce_packets", "rp_cnp_handled"}
)

// with is the files with some of them others.
func (m tree) with(other tree) tree {
	m = maps.Clone(m)
	maps.Copy(m, other)
	return m
}
