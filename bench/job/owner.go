package job

import (
	"fmt"
	"os"
	"strings"
)

// owner tells a process from all others of this host, also from those that had its pid
// before it. It is part of the name of a meeting file, so that nobody but a process
// that is dead can have named a file that is to be removed.
type owner struct {
	space string // of pids: those of another one are not known here
	pid   int
	start string // when it started; "0" where the system does not tell
}

func (o owner) String() string { return fmt.Sprintf("%s-%d-%s", o.space, o.pid, o.start) }

func this() owner { return owner{thisSpace(), os.Getpid(), started(os.Getpid())} }

// thisSpace is that of this process: "0" where the system has none.
func thisSpace() string {
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "0"
	}
	_, number, _ := strings.Cut(link, "[") // as in pid:[4026531836]
	return strings.TrimSuffix(number, "]")
}

// parseOwner reads what String writes.
func parseOwner(text string) (o owner, ok bool) {
	parts := strings.Split(text, "-")
	if len(parts) != 3 {
		return o, false
	}
	if _, err := fmt.Sscanf(parts[1]+"\n", "%d\n", &o.pid); err != nil || o.pid < 1 {
		return o, false
	}
	o.space, o.start = parts[0], parts[2]
	return o, o.String() == text
}

// alive and dead say what is known of the process. Of one of another space, which is a
// container's, neither is.
func (o owner) alive() bool { return o.space == thisSpace() && started(o.pid) == o.start }
func (o owner) dead() bool  { return o.space == thisSpace() && started(o.pid) != o.start }
