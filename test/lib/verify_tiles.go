// A stranger's check of a log that lies in files (C2SP tlog-tiles), with Go's own packages and none of ours: every entry
// hashes to a leaf, and every leaf is proved by the tiles to be in the tree of the signed checkpoint.
//
// verify_tiles DIRECTORY VERIFIER-KEY
package main

import (
	"encoding/base64"
	"encoding/binary"
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

// Tiles in files; Go's paths name the height, those of C2SP do not.
type directory string

func (d directory) path(tile tlog.Tile) string {
	path := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
	return string(d) + "/" + strings.Replace(path, "tile/8/", "tile/", 1)
}

func (d directory) Height() int { return 8 }

func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var result [][]byte
	for _, tile := range tiles {
		content, err := os.ReadFile(d.path(tile))
		if err != nil {
			return nil, err
		}
		result = append(result, content)
	}
	return result, nil
}

func (d directory) SaveTiles(tiles []tlog.Tile, data [][]byte) {}

func main() {
	dir := directory(os.Args[1])
	text, err := os.ReadFile(os.Args[1] + "/checkpoint")
	check(err)
	verifier, err := note.NewVerifier(os.Args[2])
	check(err)
	opened, err := note.Open(text, note.VerifierList(verifier))
	check(err)
	body := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(body[1], 10, 64)
	check(err)
	var root tlog.Hash
	bytes, err := base64.StdEncoding.DecodeString(body[2])
	check(err)
	copy(root[:], bytes)

	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, dir)
	for first := int64(0); first < size; first += 256 {
		width := size - first
		if width > 256 {
			width = 256
		}
		bundle, err := os.ReadFile(dir.path(tlog.Tile{H: 8, L: -1, N: first / 256, W: int(width)}))
		check(err)
		for index := first; index < first+width; index++ {
			length := binary.BigEndian.Uint16(bundle)
			leaf := tlog.RecordHash(bundle[2 : 2+length])
			bundle = bundle[2+length:]
			hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
			check(err)
			if hashes[0] != leaf {
				fmt.Println("entry", index, "is not the leaf")
				os.Exit(1)
			}
			if index%97 == 0 || index == size-1 {
				proof, err := tlog.ProveRecord(size, index, reader)
				check(err)
				check(tlog.CheckRecord(proof, size, root, index, leaf))
			}
		}
		if len(bundle) != 0 {
			fmt.Println("there is something behind the entries of bundle", first/256)
			os.Exit(1)
		}
	}
	fmt.Println(size, "entries proved by tiles")
}
