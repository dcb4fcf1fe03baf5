package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// database is the object database of a checkout, read by git cat-file.
//
// go-git's own storage does not find objects behind an alternate that has
// alternates, or behind a relative one, reads every pack index into memory, and
// takes five times as long for ten thousand folders.
type database struct {
	git program

	mu   sync.Mutex
	read map[plumbing.Hash]object
}

func newDatabase(git program) *database {
	return &database{git: git, read: map[plumbing.Hash]object{}}
}

func (d *database) object(id plumbing.Hash) (object, error) {
	if err := d.prepare([]plumbing.Hash{id}); err != nil {
		return object{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.read[id], nil
}

func (d *database) entries(_ plumbing.Hash, data []byte) ([]entry, error) { return parseTree(data) }

// prepare reads objects with one git process. It needs no context: it is local,
// and never fetches.
func (d *database) prepare(ids []plumbing.Hash) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var wanted []plumbing.Hash
	var request strings.Builder
	for _, id := range ids {
		if _, ok := d.read[id]; !ok {
			wanted = append(wanted, id)
			request.WriteString(id.String() + "\n")
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	out, in := io.Pipe()
	done := make(chan struct{})
	go func() {
		err := d.git.stream(ctx, run{args: []string{"cat-file", "--batch"}, stdin: strings.NewReader(request.String())}, in)
		in.CloseWithError(err)
		close(done)
	}()
	n, err := d.receive(bufio.NewReader(out), wanted)
	if err != nil {
		stop()
	}
	out.Close()
	<-done
	if mentions(err, "could not fetch", "lazy fetching disabled", "not allowed") { // the last one is git 2.25's
		return &MissingError{Object: wanted[n].String(), Local: true}
	}
	return err
}

// receive reads what git prints for the wanted objects, one after the other. It
// returns how many it read.
func (d *database) receive(from *bufio.Reader, wanted []plumbing.Hash) (int, error) {
	left := Limits{}.withDefaults().Content
	for i, id := range wanted {
		found, err := readBatched(from, id, &left)
		if err != nil {
			return i, err
		}
		d.read[id] = found
	}
	return len(wanted), nil
}

// readBatched reads one answer of git cat-file --batch: a line with id, kind and
// size, the content, a newline. https://git-scm.com/docs/git-cat-file#_batch_output
func readBatched(from *bufio.Reader, id plumbing.Hash, left *int64) (object, error) {
	line, err := from.ReadString('\n')
	if err != nil {
		return object{}, fmt.Errorf("reading object %s: %w", id, err)
	}
	line = strings.TrimSuffix(line, "\n")
	if line == id.String()+" missing" {
		return object{}, &MissingError{Object: id.String(), Local: true}
	}
	var (
		name, kind string
		size       int64
	)
	if n, _ := fmt.Sscanf(line, "%40s %10s %d", &name, &kind, &size); n != 3 || name != id.String() {
		return object{}, fmt.Errorf("reading object %s: git answered %q", id, line)
	}
	if size < 0 || size > *left {
		return object{}, fmt.Errorf("reading object %s: %w", id, errTooLarge)
	}
	*left -= size
	var content bytes.Buffer
	if _, err := io.CopyN(&content, from, size+1); err != nil {
		return object{}, fmt.Errorf("reading object %s: %w", id, err)
	}
	found := object{data: content.Bytes()[:size:size]}
	if found.kind, err = plumbing.ParseObjectType(kind); err != nil {
		return object{}, fmt.Errorf("reading object %s: %w", id, err)
	}
	if found.hash() != id {
		return object{}, fmt.Errorf("reading object %s: %w", id, errors.New("its content does not fit its id: run git fsck"))
	}
	return found, nil
}
