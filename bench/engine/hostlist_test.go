package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	for list, want := range map[string]string{
		"gpu01":                    "gpu01",
		"a,b":                      "a b",
		"gpu[01-03,7],login":       "gpu01 gpu02 gpu03 gpu7 login",
		"n[8-11]":                  "n8 n9 n10 n11",
		"n[08-11]":                 "n08 n09 n10 n11",
		"n[098-101]":               "n098 n099 n100 n101",
		"n[1-1]":                   "n1",
		"rack[1-2]n[09-10]-ib":     "rack1n09-ib rack1n10-ib rack2n09-ib rack2n10-ib",
		"[1-2]":                    "1 2",
		"a[1][2][3]":               "a123",
		"c[1,3]x,d,e[0-1].example": "c1x c3x d e0.example e1.example",
		"n[4294967295]":            "n4294967295",
	} {
		if got, err := expand(list); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v, %v; want %s", list, got, err, want)
		}
	}
	if got, err := expand("n[0-65535]"); err != nil || len(got) != maxHosts {
		t.Errorf("%d hosts, %v", len(got), err)
	}
	for _, list := range []string{
		"", ",", "a,", ",a", "a,,b", "a[", "a]", "a[1", "a1]", "a[[1]]", "a[1[2]]", "a[]", "a[,]", "a[1,]", "a[-]", "a[1-]",
		"a[-1]", "a[2-1]", "a[x]", "a[0x1]", "a[+1]", "a[1-2-3]", "a[1 -2]", "a b", "a\x00", "a/b", "(null)", "a[000x133]",
		"n[0-65536]", "a,n[0-65535]", "n[0-9][0-9][0-9][0-9][0-9]", "n[0-4294967295]", "n[0-18446744073709551615]",
		"n[0-255][0-255],m", strings.Repeat("a", 254), "a[" + strings.Repeat("0", 253) + "]", strings.Repeat("[1]", 300),
	} {
		if got, err := expand(list); err == nil {
			t.Errorf("%q is %d hosts: %s", list, len(got), got[0])
		} else if len(err.Error()) > 200 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	}
}

func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"gpu[01-03,7],login", "a[0-9][0-9][0-9][0-9][0-9]", "a[1-2]b[3-4]c", "[", "a[9-011]", "n[0-65535]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		hosts, err := expand(list)
		if err != nil {
			return
		}
		if len(hosts) == 0 || len(hosts) > maxHosts {
			t.Fatalf("%q: %d hosts", list, len(hosts))
		}
		for _, h := range hosts {
			if !isHost(h) {
				t.Fatalf("%q: host %q", list, h)
			}
		}
		if again, err := expand(strings.Join(hosts, ",")); err != nil || !slices.Equal(again, hosts) {
			t.Errorf("%q: %v is not what it expands to, %v", list, hosts, err)
		}
	})
}

func TestTasksOn(t *testing.T) {
	for list, want := range map[string][]int{
		"4":           {4},
		"2(x3),1":     {2, 2, 2, 1},
		"1,3(x2),2":   {1, 3, 3, 2},
		"8(x1),16":    {8, 16},
		"1(x2),2(x1)": {1, 1, 2},
	} {
		for node, tasks := range want {
			if got, err := tasksOn(list, node); err != nil || got != tasks {
				t.Errorf("%s: node %d has %d tasks, %v; want %d", list, node, got, err, tasks)
			}
		}
		if got, err := tasksOn(list, len(want)); err == nil {
			t.Errorf("%s: node %d has %d tasks", list, len(want), got)
		}
	}
	for _, list := range []string{"", "0", "x", "2(x", "2(x)", "2(x2", "2x2", "2(x-1)", "-2", "9999999999", "65537", "2(x99999999999999999999)"} {
		if got, err := tasksOn(list, 0); err == nil {
			t.Errorf("%q: node 0 has %d tasks", list, got)
		}
	}
}

func FuzzTasksOn(f *testing.F) {
	f.Add("2(x3),1", 3)
	f.Add("1(x2147483647),1(x2147483647)", 1<<31)
	f.Fuzz(func(t *testing.T, list string, node int) {
		if n, err := tasksOn(list, max(0, node)); err == nil && (n < 1 || n > maxProcesses) {
			t.Errorf("%q: node %d has %d tasks", list, node, n)
		}
	})
}

// The formula is part of the interface: firewalls are opened for it.
func TestSlurmPort(t *testing.T) {
	const offset, prime = 2166136261, 16777619
	for _, id := range [][2]string{{"1", "0"}, {"72", "0"}, {"4294967295", "12"}} {
		h := uint32(offset)
		for _, b := range fmt.Appendf(nil, "%s.%s", id[0], id[1]) {
			h = (h ^ uint32(b)) * prime
		}
		if got, want := slurmPort(id[0], id[1]), 20000+int(h%20000); got != want {
			t.Errorf("%v: port %d, want %d", id, got, want)
		}
	}
}
