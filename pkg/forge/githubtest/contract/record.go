// Package contract keeps the embedded GitHub honest: it records what pawl asks
// githubtest and what githubtest answers, and its test compares the recording
// with what GitHub publishes, the OpenAPI description of its REST API and the
// schema of its GraphQL API.
//
// Every test that starts a githubtest server gives it [Record] as its observer, but
// for the one that the documentation shows to others.
// `make contract` runs the tests with PAWL_CONTRACT_DIR set, and then this
// package's test on the recording; so does `make test`, if GitHub's descriptions
// can be installed. Without that variable nothing is recorded.
//
// It guarantees that a recording is complete or that somebody is told: an
// exchange that cannot be written is a panic.
//
// It does not check what an answer means: that is for the tests of githubtest. It
// does not see the answers that a fault spoiled on their way, nor Git over HTTP.
//
// The package is for tests; pawl does not contain it.
package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

// DirVariable names the directory in which exchanges are recorded.
const DirVariable = "PAWL_CONTRACT_DIR"

// Suffix is how the name of a file of exchanges ends. Each line is one exchange
// in JSON.
const Suffix = ".jsonl"

// Record returns an observer for [githubtest.Options] that appends every exchange
// to a new file of its own in the directory that PAWL_CONTRACT_DIR names, or nil
// when that is not set. The observer may be called concurrently.
//
// An exchange with the status 0 stands for a request that was answered by a test
// and not by githubtest; only the request is compared.
func Record() func(githubtest.Exchange) {
	dir := os.Getenv(DirVariable) //nolint:forbidigo // tests in any package record without passing a directory around
	if dir == "" {
		return nil
	}
	r := &recorder{dir: dir}
	return func(e githubtest.Exchange) {
		if err := r.append(e); err != nil {
			//nolint:forbidigo // an observer has nobody to return an error to, and a recording with holes would pass for a complete one
			panic(fmt.Errorf("recording an exchange in %s, which %s names: %w", dir, DirVariable, err))
		}
	}
}

// recorder writes to one file, which it makes when there is something to write
// and does not keep open, because nobody says when the last exchange was.
type recorder struct {
	dir string

	mu   sync.Mutex
	name string
}

func (r *recorder) append(e githubtest.Exchange) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	file, err := r.open()
	if err != nil {
		return err
	}
	_, err = file.Write(append(line, '\n'))
	return errors.Join(err, file.Close())
}

func (r *recorder) open() (*os.File, error) {
	if r.name != "" {
		return os.OpenFile(r.name, os.O_APPEND|os.O_WRONLY, 0o600)
	}
	file, err := os.CreateTemp(r.dir, "*"+Suffix)
	if err != nil {
		return nil, err
	}
	r.name = file.Name()
	return file, nil
}
