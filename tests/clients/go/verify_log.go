// Verifies a published log with nothing of Fivefold's: the signed note and the Merkle tree are
// checked by the Go project's own sumdb packages (Debian: golang-golang-x-mod-dev).
//
//	verify_log DIR VKEY
//
// The checkpoint's signature must hold, every entry of every bundle must be proved in the tree it
// signs, and an entry with one bit turned must not be. Prints "ok …" or "FAILED …" lines.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Tiles of C2SP tlog-tiles have 256 hashes and do not name their height.
const height = 8
const bundle = 1 << height

type tiles struct {
	dir  string
	seen map[tlog.Tile][]byte
}

func (t *tiles) Height() int { return height }

func (t *tiles) ReadTiles(asked []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range asked {
		data, known := t.seen[tile]
		if !known {
			path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
			var err error
			if data, err = os.ReadFile(filepath.Join(t.dir, path)); err != nil {
				return nil, err
			}
			t.seen[tile] = data
		}
		all = append(all, data)
	}
	return all, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// entries reads the bundle that begins with entry first of a log of size entries.
func entries(dir string, first, size int64) ([][]byte, error) {
	number := first / bundle
	path := fmt.Sprintf("%03d", number%1000)
	for number >= 1000 {
		number /= 1000
		path = fmt.Sprintf("x%03d/%s", number%1000, path)
	}
	if rest := size - first; rest < bundle {
		path += fmt.Sprintf(".p/%d", rest)
	}
	data, err := os.ReadFile(filepath.Join(dir, "tile/entries", path))
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for len(data) > 0 {
		if len(data) < 2 {
			return nil, fmt.Errorf("%s is cut", path)
		}
		length := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+length {
			return nil, fmt.Errorf("%s is cut", path)
		}
		all = append(all, data[2:2+length])
		data = data[2+length:]
	}
	return all, nil
}

func checkpoint(dir, vkey string) (tlog.Tree, error) {
	var tree tlog.Tree
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tree, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return tree, err
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tree, fmt.Errorf("the checkpoint does not have three lines under its origin")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	copy(tree.Hash[:], root)
	return tree, err
}

func proved(tree tlog.Tree, reader tlog.HashReader, index int64, entry []byte) error {
	proof, err := tlog.ProveRecord(tree.N, index, reader)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

func run(dir, vkey string) error {
	tree, err := checkpoint(dir, vkey)
	if err != nil {
		return err
	}
	fmt.Printf("ok the checkpoint of %d entries is signed\n", tree.N)
	reader := tlog.TileHashReader(tree, &tiles{dir, map[tlog.Tile][]byte{}})
	var index int64
	for index < tree.N {
		all, err := entries(dir, index, tree.N)
		if err != nil {
			return err
		}
		for _, entry := range all {
			if err := proved(tree, reader, index, entry); err != nil {
				return fmt.Errorf("entry %d: %w", index, err)
			}
			if index == 0 {
				turned := append([]byte(nil), entry...)
				turned[len(turned)-2] ^= 1
				if proved(tree, reader, index, turned) == nil {
					return fmt.Errorf("an altered entry was proved")
				}
				fmt.Println("ok an altered entry is not proved")
			}
			index++
		}
	}
	if index != tree.N {
		return fmt.Errorf("%d entries where the checkpoint says %d", index, tree.N)
	}
	fmt.Printf("ok all %d entries are proved\n", index)
	return nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: verify_log DIR VKEY")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Println("FAILED", err)
		os.Exit(1)
	}
}
