package rendezvous

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestFrames(t *testing.T) {
	var b []byte
	b = append(b, refuseFrame("why")...)
	b = append(b, welcomeFrame(time.Second, []Peer{{"a", "b"}, {"", ""}})...)
	b = appendBeat(b, "dispatch")
	b = appendExchange(b, 7, "check", []byte("blob"))
	b = appendResult(b, 7, [][]byte{nil, make([]byte, 3*firstRead)})
	b = append(b, failFrame(&PeerError{Process: 1, Err: io.EOF})...)
	b = seal(begin(b, kindBye), len(b))
	for _, r := range []io.Reader{bytes.NewReader(b), iotest.OneByteReader(bytes.NewReader(b))} {
		for want := byte(kindRefuse); want <= kindBye; want++ {
			kind, payload, err := readFrame(r, 2)
			if err != nil || kind != want {
				t.Fatalf("frame %d in place of %d: %v", kind, want, err)
			}
			if kind == kindResult {
				blobs, err := split(payload, 2, 7)
				if err != nil || len(blobs[0]) != 0 || len(blobs[1]) != 3*firstRead {
					t.Errorf("a result: %v", err)
				}
			}
		}
		if _, _, err := readFrame(r, 2); err != io.EOF {
			t.Errorf("the end: %v", err)
		}
	}
}

// counted is how much was asked of a reader at once, at most.
type counted struct {
	io.Reader
	most int
}

func (c *counted) Read(b []byte) (int, error) {
	c.most = max(c.most, len(b))
	return c.Reader.Read(b)
}

// A length that was sent takes no memory.
func TestLengthIsOnlyAWord(t *testing.T) {
	b := seal(append(begin(nil, kindExchange), make([]byte, 100)...), 0)
	binary.LittleEndian.PutUint32(b[1:], MaxBlob)
	r := &counted{Reader: bytes.NewReader(b)}
	if _, _, err := readFrame(r, 2); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if r.most > 2*firstRead {
		t.Errorf("%d bytes were taken for 100", r.most)
	}
}

func TestBounds(t *testing.T) {
	for kind := range 256 {
		for _, processes := range []int{1, 2, 1000, MaxProcesses} {
			most := maxPayload(byte(kind), processes)
			if known := kind >= kindRefuse && kind <= kindBye; known != (most >= 0) || most > math.MaxUint32 {
				t.Errorf("kind %d of %d processes: at most %d", kind, processes, most)
			}
			b := binary.LittleEndian.AppendUint32([]byte{byte(kind)}, uint32(min(most+1, math.MaxUint32)))
			if _, _, err := readFrame(bytes.NewReader(b), processes); most < math.MaxUint32 && !errors.Is(err, errFrame) {
				t.Errorf("kind %d of %d processes with %d bytes: %v", kind, processes, most+1, err)
			}
		}
	}
	// The longest of each fit.
	name := strings.Repeat("n", 2*MaxName)
	peers := make([]Peer, 3)
	for i := range peers {
		peers[i] = Peer{name, name}
	}
	for _, b := range [][]byte{
		refuseFrame(strings.Repeat("r", 1<<20)), welcomeFrame(time.Hour, peers), appendBeat(nil, name),
		appendExchange(nil, 1, name[:MaxWhat], make([]byte, MaxBlob)),
		failFrame(&PeerError{Name: name, Host: name, Phase: name, Err: errors.New(strings.Repeat("e", 1<<20))}),
	} {
		if _, _, err := readFrame(bytes.NewReader(b), 3); err != nil {
			t.Errorf("the longest of kind %d: %v", b[0], err)
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(refuseFrame("why"))
	f.Add(welcomeFrame(time.Second, make([]Peer, 3)))
	f.Add(appendExchange(appendBeat(nil, "dispatch"), 7, "check", []byte("blob")))
	f.Add(appendResult(nil, 0, make([][]byte, 3)))
	f.Add(failFrame(&PeerError{Process: 1, Err: io.EOF}))
	f.Add(seal(begin(nil, kindBye), 0))
	f.Fuzz(func(t *testing.T, said []byte) {
		r := &counted{Reader: bytes.NewReader(said)}
		for {
			kind, payload, err := readFrame(r, 3)
			if r.most > 2*(len(said)+firstRead) {
				t.Fatalf("%d bytes were taken for %d", r.most, len(said))
			}
			if err != nil {
				return
			}
			decoded(t, kind, payload)
		}
	})
}

// decoded reads a payload in every way, and checks what is good by writing it again.
func decoded(t *testing.T, kind byte, payload []byte) {
	s := newSession(Config{Processes: 3})
	defer s.cancel(nil)
	if err := s.welcomed(&cursor{b: payload}); err == nil {
		if again := welcomeFrame(s.timeout, s.peers); !bytes.Equal(again[header:], payload) {
			t.Errorf("a welcome of %x is %x", payload, again)
		}
	}
	blobs, err := split(payload, 3, 0)
	if err == nil && kind == kindResult {
		if again := appendResult(nil, 0, blobs); !bytes.Equal(again[header:], payload) {
			t.Errorf("a result of %x is %x", payload, again)
		}
	}
	if e, err := (&cursor{b: payload}).failure(3); err == nil {
		if again := failFrame(e); !bytes.Equal(again[header:], payload) {
			t.Errorf("a failure of %x is %x", payload, again)
		}
	}
	if cl, err := decodeClaim(payload); err == nil {
		if again := cl.encode(); !bytes.Equal(again, payload) {
			t.Errorf("a claim of %x is %x", payload, again)
		}
	}
}

// FuzzHub is a member that has proved the secret, and may say anything.
func FuzzHub(f *testing.F) {
	f.Add(appendExchange(appendBeat(nil, "dispatch"), 0, "check", []byte("blob")))
	f.Add(appendExchange(appendExchange(nil, 0, "check", nil), 1, "check", nil))
	f.Add(failFrame(&PeerError{Process: 1, Err: io.EOF}))
	f.Add(seal(begin(nil, kindBye), 0))
	f.Fuzz(func(t *testing.T, said []byte) {
		s := newSession(Config{Processes: 3, Timeout: time.Second})
		s.started = true
		s.round.here, s.round.blobs = make([]bool, 3), make([][]byte, 3)
		l := &link{process: 2, done: make(chan struct{})}
		r := bytes.NewReader(said)
		for !s.over() {
			kind, payload, err := readFrame(r, 3)
			if err == nil {
				err = s.handle(l, kind, payload)
			}
			if err != nil {
				s.lost(l, err)
				break
			}
		}
		if !s.over() && !l.left.Load() {
			t.Error("neither gone nor there")
		}
		s.cancel(nil)
	})
}
