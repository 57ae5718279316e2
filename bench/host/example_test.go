package host_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/commbench/commbench/bench/host"
)

// A machine whose files lie below a folder: here only two.
func ExampleRead() {
	root, err := os.MkdirTemp("", "host")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	for path, text := range map[string]string{
		"proc/meminfo": "MemTotal:       24684096 kB\n",
		"sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}

	h := host.Read(root) // "" is this machine
	fmt.Println("memory:", h.MemoryBytes)
	fmt.Println("huge pages:", h.HugePages.Private)
	fmt.Println("sockets:", h.Sockets)
	// Output:
	// memory: 25276514304
	// huge pages: madvise
	// sockets: not supported: no /sys/devices/system/cpu/online
}

func ExampleEnvironment() {
	fmt.Println(host.Environment([]string{
		"HOME=/root",
		"NCCL_IB_HCA=mlx5_0:1",
		"NCCL_COMM_ID=node01:29500",
		"RANK=3",
	}))
	// Output:
	// map[NCCL_IB_HCA:mlx5_0:1 RANK:3]
}
