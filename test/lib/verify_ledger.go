// A stranger's check of a signed note and of Merkle proofs, with Go's own packages and none of ours.
//
// verify DIRECTORY reads note, verifier, entries (one a line, in hex), proofs ("index|hash hash ...") and growth
// ("old size|hash hash ...") there.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
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

func main() {
	dir := os.Args[1] + "/"
	text, err := os.ReadFile(dir + "note")
	check(err)
	verifier, err := note.NewVerifier(strings.TrimSpace(strings.Join(lines(dir+"verifier"), "")))
	check(err)
	opened, err := note.Open(text, note.VerifierList(verifier))
	check(err)
	fmt.Println("note verified")

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
