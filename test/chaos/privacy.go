package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// secret is something that must not be written down in some places.
type secret struct {
	what string
	text []byte
}

// secrets are what may be in no file at all: neither in logs, nor in the
// histories of workflows, nor in events.
func secrets(tokens []string) (all []secret) {
	for _, token := range tokens {
		// The signature makes a token worth stealing.
		signature := token[strings.LastIndexByte(token, '.')+1:]
		all = append(all, secret{"a customer's token", []byte(signature)})
	}
	return append(all, secret{"a card number", []byte(plantedCard)})
}

// private is what logs may not have beside secrets: names and addresses, which
// have a planted word each.
var private = secret{"a customer's name or address", []byte(markPrefix)}

// judgeFiles looks for secrets in everything that a system has written: logs,
// Temporal's database with all histories, the services' databases.
func judgeFiles(folders, tokens []string, breaches *Breaches) error {
	for _, folder := range folders {
		if err := judgeFolder(folder, secrets(tokens), breaches); err != nil {
			return err
		}
	}
	return nil
}

func judgeFolder(folder string, unwritten []secret, breaches *Breaches) error {
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == "keys" {
			return filepath.SkipDir
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		looked := unwritten
		if strings.HasSuffix(path, ".log") {
			looked = append(looked[:len(looked):len(looked)], private)
		}
		return lookInto(path, looked, func(found secret) {
			breaches.Add(privacyInvariant, filepath.Base(path), "it has %s", found.what)
		})
	})
	if err != nil {
		return fmt.Errorf("looking for secrets: %w", err)
	}
	return nil
}

// lookInto reads a file in pieces that overlap.
func lookInto(path string, looked []secret, found func(secret)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	const overlap = 4 << 10
	buffer := make([]byte, 4<<20)
	kept := 0
	for {
		n, err := io.ReadFull(file, buffer[kept:])
		piece := buffer[:kept+n]
		for _, each := range looked {
			if bytes.Contains(piece, each.text) {
				found(each)
			}
		}
		if err != nil { // the end, since the file is there
			return nil
		}
		kept = copy(buffer, piece[len(piece)-overlap:])
	}
}

// judgeRows looks for secrets in the tables that a database server keeps, of
// which there are no files to look into.
func (s *System) judgeRows(ctx context.Context, breaches *Breaches) error {
	unwritten := secrets(s.Tokens())
	for _, table := range [][2]string{{orderService, "event"}, {"payment", "charge"}, {"notification", "message"}} {
		err := s.auditPages(ctx, table[0], table[1], func(row json.RawMessage) error {
			for _, each := range unwritten {
				if bytes.Contains(row, each.text) {
					breaches.Add(privacyInvariant, table[0]+"/"+table[1], "a row has %s", each.what)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
