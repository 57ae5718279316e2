package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commbench/commbench/transport/rendezvous"
)

// temporary gives the test a directory for temporary files, and returns where in it
// processes meet.
func temporary(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("TMPDIR", dir)
	return filepath.Join(dir, fmt.Sprintf("commbench-%d", os.Getuid()))
}

// encounter has so many processes meet by a key, each as Join has it.
func encounter(t *testing.T, key string, n int, timeout time.Duration) ([]rendezvous.Config, []error) {
	configs, errs := make([]rendezvous.Config, n), make([]error, n)
	var wg sync.WaitGroup
	var first func()
	for p := range n {
		wg.Go(func() {
			configs[p].Process = p
			end, err := meet(context.Background(), &Config{Timeout: timeout}, key, &configs[p])
			if errs[p] = err; p == 0 {
				first = end // when all have joined
			} else {
				end()
			}
		})
	}
	wg.Wait()
	t.Cleanup(first)
	return configs, errs
}

func TestMeet(t *testing.T) {
	dir := temporary(t)
	var wg sync.WaitGroup
	secrets := map[string]bool{}
	var mu sync.Mutex
	for _, key := range []string{"job 1", "job 2"} { // at once
		wg.Go(func() {
			configs, errs := encounter(t, key, 3, long)
			if err := errors.Join(errs...); err != nil {
				t.Error(err)
				return
			}
			for _, c := range configs {
				if c.Address != configs[0].Listener.Addr().String() || string(c.Secret) != string(configs[0].Secret) || len(c.Secret) != 32 {
					t.Errorf("%+v", c)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			secrets[string(configs[0].Secret)] = true
		})
	}
	wg.Wait()
	if len(secrets) != 2 {
		t.Errorf("%d secrets of two jobs", len(secrets))
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v: %v", info.Mode(), err)
		}
	}
}

// The file goes when all have joined.
func TestMeetLeavesNothing(t *testing.T) {
	dir := temporary(t)
	r := rendezvous.Config{}
	end, err := meet(context.Background(), &Config{Timeout: long, Secret: []byte("given")}, "job", &r)
	if err != nil || string(r.Secret) != "given" {
		t.Fatalf("%q, %v", r.Secret, err)
	}
	end()
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("%d files: %v", len(files), err)
	}
	if _, err := net.Dial("tcp", r.Address); err == nil {
		t.Error("it still listens")
	}
}

// dead is a process that was there.
func dead(t *testing.T) owner {
	t.Helper()
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	o := this()
	o.pid = cmd.Process.Pid
	if !o.dead() {
		t.Fatalf("%v is not dead", o)
	}
	return o
}

// A process that was killed leaves its file. It is not taken for a meeting, also if its
// pid is that of another process now, and whoever comes next removes it.
func TestFilesOfTheDead(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	dir := temporary(t)
	p, err := meetingPlace("job")
	if err != nil {
		t.Fatal(err)
	}
	old := meeting{Address: "127.0.0.1:1", Secret: []byte("old")}
	reused := this()
	reused.start += "1"
	foreign := this() // of another container, which nobody here knows
	foreign.space += "1"
	for _, o := range []owner{dead(t), reused, foreign} {
		if err := old.leave(p.file(o)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "."+filepath.Base(p.file(dead(t)))), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "something else"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	configs, errs := encounter(t, "job", 2, long)
	if err := errors.Join(errs...); err != nil || configs[1].Address != configs[0].Address {
		t.Errorf("%+v: %v", configs, err)
	}
	files, err := os.ReadDir(dir)
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	want := []string{filepath.Base(p.file(foreign)), filepath.Base(p.file(this())), "something else"}
	slices.Sort(want)
	if slices.Sort(names); err != nil || !slices.Equal(names, want) {
		t.Errorf("files %q, want %q: %v", names, want, err)
	}
}

func TestNobodyComes(t *testing.T) {
	dir := temporary(t)
	r := rendezvous.Config{Process: 1}
	end, err := meet(context.Background(), &Config{Timeout: 20 * time.Millisecond}, "job", &r)
	end()
	contains(t, err, "process 0 did not come within 20ms: no file "+dir, "give --rendezvous host:port")

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := meet(ctx, &Config{Timeout: long}, "job", &r); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A directory that others can use, or that is somebody else's, is not used.
func TestForeignDirectories(t *testing.T) {
	const want = "is not a directory that only this user can use: remove it, or give --rendezvous"
	for name, spoil := range map[string]func(dir string) error{
		"open to others": func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o750)) },
		"a file":         func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
		"a link": func(dir string) error {
			return errors.Join(os.Mkdir(dir+"x", 0o700), os.Symlink(dir+"x", dir))
		},
		"of another user": func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, 12345, -1)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := temporary(t)
			if err := spoil(dir); errors.Is(err, os.ErrPermission) {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			for p := range 2 {
				_, err := meet(context.Background(), &Config{Timeout: long}, "job", &rendezvous.Config{Process: p})
				contains(t, err, want)
			}
		})
	}
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	_, err := meet(context.Background(), &Config{Timeout: long}, "job", &rendezvous.Config{})
	contains(t, err, "no such file or directory")
}

// A process that was killed and not yet seen off is dead.
func TestZombie(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o := this()
	o.pid, o.start = cmd.Process.Pid, started(cmd.Process.Pid)
	if !o.alive() {
		t.Errorf("%v is not alive", o)
	}
	_ = cmd.Process.Kill()
	for began := time.Now(); !o.dead() && time.Since(began) < long; {
		time.Sleep(time.Millisecond)
	}
	if o.alive() || !o.dead() {
		t.Errorf("%v is alive", o)
	}
	_ = cmd.Wait()
}

func TestOwner(t *testing.T) {
	me := this()
	if got, ok := parseOwner(me.String()); !ok || got != me || me.dead() {
		t.Errorf("%v is %v, %v; dead: %v", me, got, ok, me.dead())
	}
	for _, bad := range []string{"", "1-2", "1-2-3-4", "1-x-3", "1-0-3", "1--2-3", "1-+2-3", "1-02-3", "1-2 -3", "1-99999999999999999999-3"} {
		if o, ok := parseOwner(bad); ok {
			t.Errorf("%q is %v", bad, o)
		}
	}
}

func FuzzMeeting(f *testing.F) {
	for _, m := range []meeting{{"127.0.0.1:29500", []byte("secret")}, {"[::1]:1", make([]byte, 32)}, {"10.0.0.1:1", []byte("s")}, {}} {
		b, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"Address":"localhost:0","Secret":"AA=="}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parseMeeting(b); err == nil {
			if _, _, err := net.SplitHostPort(m.Address); err != nil || !rendezvous.IsLoopback(m.Address) || len(m.Secret) == 0 || len(m.Secret) > maxSecret {
				t.Errorf("%+v", m)
			}
		}
	})
}

func FuzzInheritance(f *testing.F) {
	for _, place := range []inheritance{
		{1, 2, "127.0.0.1:29500", []byte("secret"), "127.0.0.1"},
		{1, 4096, "[::1]:65535", make([]byte, maxSecret), "fe80::1%eth0"},
		{4096, 4096, "127.0.0.1:1", []byte("s"), ""},
		{1, 2, "192.0.2.1:1", []byte("s"), "::"},
	} {
		b, err := json.Marshal(place)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) >= maxPlace {
			f.Errorf("a place of %d bytes: at most %d can be read", len(b), maxPlace)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := parseInheritance(b); err == nil {
			if p.Process < 1 || p.Process >= p.Processes || p.Processes > maxProcs || !rendezvous.IsLoopback(p.Rendezvous) || len(p.Secret) == 0 || net.ParseIP(strings.Split(p.Bind, "%")[0]) == nil {
				t.Errorf("%+v", p)
			}
		}
	})
}

func FuzzFileNames(f *testing.F) {
	f.Add(strings.Repeat("0", 24) + "-" + this().String())
	f.Add(".new-123")
	f.Fuzz(func(t *testing.T, name string) {
		if job, o, ok := split(name); ok && strings.TrimPrefix(name, ".") != job+"-"+o.String() {
			t.Errorf("%q is %q of %v", name, job, o)
		}
	})
}
