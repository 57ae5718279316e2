package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Version of this protocol, and of all that is said after it on a connection.
const Version = 1

const (
	MaxHello   = 1 << 10 // bytes
	MaxPurpose = 16      // bytes
)

var (
	// ErrProtocol: what the peer speaks is not this protocol, or it wants a
	// connection for another purpose.
	ErrProtocol = errors.New("not a commbench peer")
	// ErrVersion: the peer is commbench, of another version.
	ErrVersion = errors.New("another version of the protocol")
	// ErrSecret: the peer does not know this job's secret.
	ErrSecret = errors.New("wrong secret")
)

const (
	magicSize   = 8
	versionEnd  = magicSize + 2
	purposeEnd  = versionEnd + MaxPurpose
	openingSize = purposeEnd + nonceSize
	nonceSize   = 32
	proofSize   = sha256.Size
)

var magic = [magicSize]byte{'c', 'o', 'm', 'm', 'b', 0xC1, '\r', '\n'} // no text, no TLS, no HTTP/2

// What a proof is of begins with the role of who proves.
const (
	clientRole = "commbench client proves\x00"
	serverRole = "commbench server proves\x00"
)

// Client proves to the peer that it knows the secret, has the peer prove it, and
// says hello. The deadline is for all of it and must not be zero; afterwards conn
// has none. It fails with ErrSecret, ErrVersion, ErrProtocol, or what conn says.
func Client(conn net.Conn, secret []byte, purpose string, hello []byte, deadline time.Time) error {
	if len(hello) > MaxHello {
		return fmt.Errorf("a hello of %d bytes: at most %d are sent", len(hello), MaxHello)
	}
	ours, err := begin(conn, secret, purpose, deadline)
	if err != nil {
		return err
	}
	if err := write(conn, ours[:]); err != nil {
		return err
	}
	theirs, err := readOpening(conn, purpose)
	if err != nil {
		return err
	}
	said := binary.LittleEndian.AppendUint16(make([]byte, 0, 2+MaxHello+proofSize), uint16(len(hello)))
	said = append(said, hello...)
	if err := write(conn, append(said, proof(secret, clientRole, &ours, &theirs, hello)...)); err != nil {
		return err
	}
	var p [proofSize]byte
	if err := read(conn, p[:]); err != nil {
		return err
	}
	if !hmac.Equal(p[:], proof(secret, serverRole, &ours, &theirs, hello)) {
		return fmt.Errorf("%w: the two processes were given different ones", ErrSecret)
	}
	return conn.SetDeadline(time.Time{})
}

// Server is the other side of Client, for a connection that was accepted. It
// returns the client's hello.
func Server(conn net.Conn, secret []byte, purpose string, deadline time.Time) ([]byte, error) {
	ours, err := begin(conn, secret, purpose, deadline)
	if err != nil {
		return nil, err
	}
	theirs, err := readOpening(conn, purpose)
	if errors.Is(err, ErrVersion) || errors.Is(err, errPurpose) {
		// The client is one of us, and can say what is wrong if it sees ours.
		return nil, errors.Join(err, write(conn, ours[:]))
	}
	if err != nil {
		return nil, err
	}
	if err := write(conn, ours[:]); err != nil {
		return nil, err
	}
	var said [2 + MaxHello + proofSize]byte
	if err := read(conn, said[:2]); err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint16(said[:2]))
	if n > MaxHello {
		return nil, fmt.Errorf("%w: a hello of %d bytes, at most %d are allowed", ErrProtocol, n, MaxHello)
	}
	if err := read(conn, said[2:2+n+proofSize]); err != nil {
		return nil, err
	}
	hello, p := said[2:2+n], said[2+n:2+n+proofSize]
	if !hmac.Equal(p, proof(secret, clientRole, &theirs, &ours, hello)) {
		// The client finds these zeros to be no proof: both know what is wrong.
		err := fmt.Errorf("%w: the two processes were given different ones", ErrSecret)
		return nil, errors.Join(err, write(conn, make([]byte, proofSize)))
	}
	if err := write(conn, proof(secret, serverRole, &theirs, &ours, hello)); err != nil {
		return nil, err
	}
	return hello, conn.SetDeadline(time.Time{})
}

type opening [openingSize]byte

// begin checks what the caller gave, and makes this side's opening.
func begin(conn net.Conn, secret []byte, purpose string, deadline time.Time) (opening, error) {
	var o opening
	switch {
	case len(secret) == 0:
		return o, errors.New("no secret: the processes of a job must share one")
	case purpose == "" || len(purpose) > MaxPurpose:
		return o, fmt.Errorf("purpose %q: it must have 1 to %d bytes", purpose, MaxPurpose)
	case deadline.IsZero():
		return o, errors.New("no deadline: a peer may never answer")
	}
	copy(o[:], magic[:])
	binary.LittleEndian.PutUint16(o[magicSize:], Version)
	copy(o[versionEnd:purposeEnd], purpose)
	_, _ = rand.Read(o[purposeEnd:]) // it never fails
	return o, conn.SetDeadline(deadline)
}

// proof takes the openings in the order client, server, whoever proves. Both have
// a fixed size and the hello is last, so no two inputs give the same bytes. The
// key is a hash of the secret, as HMAC takes a short key and the same one with
// zeros behind it for one.
func proof(secret []byte, role string, client, server *opening, hello []byte) []byte {
	key := sha256.Sum256(secret)
	h := hmac.New(sha256.New, key[:])
	io.WriteString(h, role)
	h.Write(client[:])
	h.Write(server[:])
	h.Write(hello)
	return h.Sum(nil)
}
