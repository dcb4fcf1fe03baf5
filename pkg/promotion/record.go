package promotion

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/gate"
)

// record is a verification with everything that it rests on. What the gates said
// is not in it: it follows from the facts.
type record struct {
	Repository string               `json:"repository"`
	Policy     string               `json:"policy"`
	Note       string               `json:"note,omitempty"`
	Way        []config.Environment `json:"way"`
	Snapshot   json.RawMessage      `json:"snapshot"` // of the facts, as in package gate
}

// Record returns the facts of a verification as a file, from which [Replay] comes
// to the same verdict without asking anybody.
func (v *Verification) Record() ([]byte, error) {
	facts, err := gate.Encode(v.facts)
	if err != nil {
		return nil, fmt.Errorf("recording #%d: %w", v.Number, err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err = encoder.Encode(record{Repository: v.Repository, Policy: v.rules.Origin, Note: v.rules.Note, Way: v.rules.Way, Snapshot: facts})
	if err != nil {
		return nil, fmt.Errorf("recording #%d: %w", v.Number, err)
	}
	return out.Bytes(), nil
}

// Replay evaluates the facts of a record again. It reads nothing else: no clock, no
// network.
func Replay(data []byte) (*Verification, error) {
	var kept record
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&kept); err != nil {
		return nil, badRecord(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, badRecord(errors.New("there is something behind it"))
	}
	facts, err := gate.Decode(kept.Snapshot)
	if err != nil {
		return nil, badRecord(err)
	}
	if facts.PullRequest == nil || len(kept.Way) < 2 || facts.Comparison.Err != nil {
		return nil, badRecord(errors.New("it has no pull request, no environments or no comparison"))
	}
	rules := policy{From: facts.From, To: facts.To, Way: kept.Way, Origin: kept.Policy, Note: kept.Note}
	return newVerification(kept.Repository, rules, facts), nil
}

func badRecord(err error) error {
	return &UsageError{Problem: fmt.Sprintf("this is no record of a verification: %v", err), Fix: "write one with: pawl verify PR --record FILE"}
}
