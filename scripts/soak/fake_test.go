//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A soak that finds nothing must be one that would.
func TestFinds(t *testing.T) {
	for name, c := range map[string]struct {
		script, kind string
		want         class // "" is a trial that is as it should be
		text         string
	}{
		"wrong data":      {`echo commbench: wrong >&2; exit 3`, clean, classWrong, "found wrong data"},
		"loss, detected":  {`echo commbench: wrong >&2; exit 3`, lost, "", ""},
		"failure":         {`echo commbench: failed >&2; exit 1`, clean, classOther, "may have [0]: commbench: failed"},
		"failure, wanted": {`echo commbench: cut >&2; exit 1`, cut, "", ""},
		"silence":         {`exit 1`, cut, classOther, "does not say why"},
		"usage":           {`echo commbench: no such flag >&2; exit 2`, lost, classOther, "no such flag"},
		"crash":           {`echo 'panic: at the disco' >&2; exit 2`, lost, classOther, "crashed"},
		"no record":       {`echo '[]'`, clean, classOther, "with 0 records"},
		"half a record":   {`echo '[{'; echo commbench: cut >&2; exit 1`, cut, classOther, "does not parse"},
		"chatter":         {`echo by the way >&2; echo '[]'`, clean, classOther, "complains: by the way"},
		"file":            {`echo commbench: cut >&2; touch $TMPDIR/left; exit 1`, cut, classLeak, `"tmp/left"`},
		"process":         {`sleep 100 & echo commbench: cut >&2; exit 1`, cut, classHang, "it still runs"},
		"hang":            {`trap '' QUIT; sleep 100`, clean, classHang, "it still runs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			path, pid := filepath.Join(t.TempDir(), "fake"), filepath.Join(t.TempDir(), "pid")
			if err := os.WriteFile(path, []byte("#!/bin/sh\necho $$ >"+pid+"\n"+c.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			k := newSoak(path, path)
			k.patience = 500 * time.Millisecond
			job := trial{kind: c.kind, launch: alone, format: "json"}
			o, err := k.try(t.Context(), &job)
			var f failure
			if errors.As(err, &f); f.class != c.want || err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v: %v (%s); expected %q (%s)", &o, err, f.class, c.text, c.want)
			}
			if kept := o.dir != ""; kept != (err != nil) {
				t.Errorf("%v, and what it wrote is in %q", err, o.dir)
			}
			text, err := os.ReadFile(pid)
			if err != nil {
				t.Fatal(err)
			}
			session, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			if left := processes([]int{session}); len(left) > 0 {
				t.Errorf("processes %v are left", left)
			}
		})
	}
}

func TestExcess(t *testing.T) {
	before := holding()
	if err := before.excess(time.Minute); err != nil {
		t.Error(err)
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := before.excess(50 * time.Millisecond); err == nil || !strings.HasPrefix(err.Error(), leakText) {
		t.Errorf("a file is open: %v", err)
	}
	end := make(chan struct{})
	before = holding()
	go func() { <-end }()
	if err := before.excess(50 * time.Millisecond); err == nil || !strings.Contains(err.Error(), "TestExcess") {
		t.Errorf("a goroutine runs: %v", err)
	}
	close(end)
}
