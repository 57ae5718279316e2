package hardware

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

//go:embed catalogue/*.yaml kernels/*.yaml
var files embed.FS

// What the binary carries is read when it is first asked for: most commands never do.
var (
	catalogue = sync.OnceValue(all[Hardware, *Hardware]("catalogue"))
	profiles  = sync.OnceValue(all[Profile, *Profile]("kernels"))
)

// all returns what reads a folder. That it can be read is tested, so an error is a mistake
// made here.
func all[T any, P interface {
	*T
	check() (string, error)
}](folder string) func() []*T {
	return func() (found []*T) {
		entries, err := fs.ReadDir(files, folder)
		if err != nil {
			panic(err)
		}
		name := func(e fs.DirEntry) string { return strings.TrimSuffix(e.Name(), ".yaml") }
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(name(a), name(b)) })
		for _, e := range entries {
			f, err := files.Open(folder + "/" + e.Name())
			if err != nil {
				panic(err)
			}
			v := new(T)
			if err := read(f, e.Name(), P(v)); err != nil {
				panic(err)
			}
			found = append(found, v)
		}
		return found
	}
}

// Names are those of the catalogue, in order.
func Names() (names []string) {
	for _, h := range catalogue() {
		names = append(names, h.Name)
	}
	return names
}

// Profiles are the names of the generations of kernels, in order.
func Profiles() (names []string) {
	for _, p := range profiles() {
		names = append(names, p.Name)
	}
	return names
}
