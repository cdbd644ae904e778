// A stranger's check of a signed note and of Merkle proofs, with Go's own packages and none of ours.
//
// verify DIRECTORY reads note, verifier, witnesses (verifier keys of type 4, one a line), entries (one a line, in hex),
// proofs ("index|hash hash ..."), growth ("old size|hash hash ...") and request (to a witness) there.
package main

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func lines(path string) []string {
	file, err := os.Open(path)
	check(err)
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	var result []string
	for scanner.Scan() {
		result = append(result, scanner.Text())
	}
	check(scanner.Err())
	return result
}

func hashes(text string) []tlog.Hash {
	var result []tlog.Hash
	for _, field := range strings.Fields(text) {
		bytes, err := base64.StdEncoding.DecodeString(field)
		check(err)
		var hash tlog.Hash
		copy(hash[:], bytes)
		result = append(result, hash)
	}
	return result
}

// The root over leaves, RFC 6962 section 2.1.
func root(leaves []tlog.Hash) tlog.Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	half := 1
	for half*2 < len(leaves) {
		half *= 2
	}
	return tlog.NodeHash(root(leaves[:half]), root(leaves[half:]))
}

// A witness of C2SP tlog-cosignature as the package note takes verifiers.
type witness struct {
	name string
	key  []byte
}

func (w witness) Name() string { return w.name }

func (w witness) KeyHash() uint32 {
	hash := sha256.Sum256(append([]byte(w.name+"\n\x04"), w.key...))
	return binary.BigEndian.Uint32(hash[:])
}

func (w witness) Verify(message, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(signature)
	return ed25519.Verify(w.key, []byte(fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, message)), signature[8:])
}

func witnesses(path string) []note.Verifier {
	var result []note.Verifier
	for _, line := range lines(path) {
		parts := strings.SplitN(line, "+", 3)
		key, err := base64.StdEncoding.DecodeString(parts[2])
		check(err)
		w := witness{parts[0], key[1:]}
		if key[0] != 4 || fmt.Sprintf("%08x", w.KeyHash()) != parts[1] {
			fmt.Println("this is no key of a witness:", line)
			os.Exit(1)
		}
		result = append(result, w)
	}
	return result
}

func main() {
	dir := os.Args[1] + "/"
	text, err := os.ReadFile(dir + "note")
	check(err)
	verifier, err := note.NewVerifier(strings.TrimSpace(strings.Join(lines(dir+"verifier"), "")))
	check(err)
	opened, err := note.Open(text, note.VerifierList(append(witnesses(dir+"witnesses"), verifier)...))
	check(err)
	for _, signature := range opened.Sigs {
		if signature.Name == verifier.Name() {
			fmt.Println("note verified")
		}
	}
	fmt.Println(len(opened.Sigs)-1, "cosignatures verified")

	body := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(body[1], 10, 64)
	check(err)
	head := hashes(body[2])[0]

	var leaves []tlog.Hash
	for _, line := range lines(dir + "entries") {
		entry, err := hex.DecodeString(line)
		check(err)
		leaves = append(leaves, tlog.RecordHash(entry))
	}
	if int64(len(leaves)) != size || root(leaves) != head {
		fmt.Println("the entries do not make up the root")
		os.Exit(1)
	}

	// A witness's checks of what it is asked with (C2SP tlog-witness, add-checkpoint).
	text, err = os.ReadFile(dir + "request")
	check(err)
	parts := strings.SplitN(string(text), "\n\n", 2)
	_, err = note.Open([]byte(parts[1]), note.VerifierList(verifier))
	check(err)
	asked := strings.Split(parts[0], "\n")
	old, err := strconv.ParseInt(strings.TrimPrefix(asked[0], "old "), 10, 64)
	check(err)
	check(tlog.CheckTree(hashes(strings.Join(asked[1:], " ")), size, head, old, root(leaves[:old])))
	fmt.Println("request from", old, "verified")

	count := 0
	for _, line := range lines(dir + "proofs") {
		parts := strings.Split(line, "|")
		index, err := strconv.ParseInt(parts[0], 10, 64)
		check(err)
		check(tlog.CheckRecord(hashes(parts[1]), size, head, index, leaves[index]))
		count++
	}
	fmt.Println(count, "inclusion proofs verified")

	count = 0
	for _, line := range lines(dir + "growth") {
		parts := strings.Split(line, "|")
		old, err := strconv.ParseInt(parts[0], 10, 64)
		check(err)
		check(tlog.CheckTree(hashes(parts[1]), size, head, old, root(leaves[:old])))
		count++
	}
	fmt.Println(count, "consistency proofs verified")
}
