// Package auth begins a connection between two processes of a job: each proves
// to the other that it knows the job's secret, without saying it.
//
// # Terms
//
// The client dials, the server accepted. The purpose is what the connection is
// for ("control", "data"); both must name the same, and a proof for one is none
// for another. The hello is what the client wants to say about itself; it is
// covered by the client's proof, and the server returns it only after that.
//
// # Wire
//
//	client -> server  magic 8, version 2, purpose 16, nonce 32
//	server -> client  magic 8, version 2, purpose 16, nonce 32
//	client -> server  length of hello 2, hello, proof 32
//	server -> client  proof 32; zeros if it refuses
//
// A proof is the HMAC-SHA256, under a hash of the secret, of the sender's role, both
// openings and the hello. The roles differ, so nobody's proof can be sent back to
// him, and the nonces are new, so no proof serves twice. The server proves last:
// who has not the secret learns nothing from it. Openings have this shape in
// every version, so that two versions can tell each other who they are.
//
// # What it does not give
//
// After the handshake the stream is neither encrypted nor authenticated: who can
// read the network reads all that is sent, and who can change what is sent can
// pass the handshake on and then say what he likes. The handshake keeps out those
// who can merely connect. Who answers in the server's place sees a client's proof
// and can try secrets against it for as long as he likes: a secret must be random
// and long (16 bytes or more), not a word.
//
// # Errors and concurrency
//
// All reading and writing ends by the deadline. A connection that has failed is
// of no further use, and the caller closes it. Nothing is allocated by a number
// that was sent. There is no state but the connection's.
package auth
