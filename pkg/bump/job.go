package bump

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/getpawl/pawl/pkg/git"
)

// The trailers of a bump's commit. Pawl-Image is there once for each image,
// Pawl-Field (FILE#path.to.key=VALUE) for each field that was named by itself, and
// Pawl-Allow-Downgrade for each that was lowered on purpose: a promotion may lower it
// then as well.
const (
	trailerImage    = "Pawl-Image"
	trailerField    = "Pawl-Field"
	trailerLowered  = "Pawl-Allow-Downgrade"
	trailerKey      = "Pawl-Key"
	trailerSequence = "Pawl-Sequence"
	trailerSource   = "Pawl-Source"
	trailerRun      = "Pawl-Run"
)

// Job is who asks for a bump: the run of a pipeline, or, with its zero value, a
// person.
type Job struct {
	// Key is the same whenever this job is run again for the same versions, and
	// nobody else's. A commit that carries it is this job's work.
	Key string
	// First says that the CI service calls this the job's first attempt: its key is
	// not further back than the step that is run again within it.
	First bool
	// Sequence tells which of two runs is the newer one.
	Sequence Sequence
	// Source is the application's repository and commit: acme/api@3f2a….
	Source string
	// Run is the web address of the run.
	Run string
}

// unattended says that nobody waits at a terminal for the answer: a job that lost
// the race against a newer one has nothing left to do.
func (j Job) unattended() bool { return j.Key != "" || j.Sequence.Number > 0 }

// recent is how far back to look for what the job did before. Somebody at a terminal
// did not do it before; where versions alone do not tell, more is looked at anyway.
func (j Job) recent() int {
	switch {
	case !j.unattended():
		return 0
	case j.Key == "" || j.First:
		return recent
	}
	return earlier
}

func (j Job) trailers() []git.Trailer {
	var list []git.Trailer
	for _, each := range []git.Trailer{
		{Key: trailerKey, Value: j.Key},
		{Key: trailerSequence, Value: j.Sequence.String()},
		{Key: trailerSource, Value: j.Source},
		{Key: trailerRun, Value: j.Run},
	} {
		if each.Value != "" {
			list = append(list, each)
		}
	}
	return list
}

// Sequence is the number of a run. Numbers say something only beside others of the
// same source, such as a workflow that counts its runs. The zero value is none.
type Sequence struct {
	Number uint64 // from 1
	Source string // who counts; empty: whoever gives numbers by hand
}

// String returns the sequence as its trailer holds it; empty for none.
func (s Sequence) String() string {
	if s.Number == 0 {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", s.Number, s.Source))
}

// parseSequence reads the trailer. What cannot be read is no sequence.
func parseSequence(text string) Sequence {
	digits, source, _ := strings.Cut(text, " ")
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || number == 0 {
		return Sequence{}
	}
	return Sequence{Number: number, Source: source}
}
