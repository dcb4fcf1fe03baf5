package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/getpawl/pawl/pkg/forge"
)

// SnapshotVersion is the format that [Encode] writes and [Decode] reads.
const SnapshotVersion = 2

// snapshot is what is kept of a decision: everything that went into it.
type snapshot struct {
	Version int   `json:"version"`
	Facts   Facts `json:"facts"`
}

// Encode writes facts as JSON, so that they can be kept beside a decision and asked
// again: [Evaluate] says of what [Decode] returns, byte for byte, what it said of
// them. A fact that could not be read is kept as the text of its error. Texts that
// are not UTF-8 are refused, because JSON cannot keep them.
func Encode(facts Facts) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(snapshot{SnapshotVersion, facts}); err != nil {
		return nil, fmt.Errorf("writing the snapshot: %w", err)
	}
	again, err := Decode(out.Bytes())
	if err != nil {
		return nil, err
	}
	before, err := json.Marshal(Evaluate(facts))
	if err != nil {
		return nil, fmt.Errorf("writing the snapshot: %w", err)
	}
	after, err := json.Marshal(Evaluate(again))
	if err != nil || !bytes.Equal(before, after) {
		return nil, errors.New("writing the snapshot: the gates would say something else of it, because it has texts that are not UTF-8")
	}
	return out.Bytes(), nil
}

// Decode reads what [Encode] wrote. It refuses other versions, and keys that it does
// not know: a fact that is left out would change the verdict.
func Decode(data []byte) (Facts, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Facts{}, fmt.Errorf("reading the snapshot: %w", err)
	}
	if head.Version != SnapshotVersion {
		return Facts{}, fmt.Errorf("reading the snapshot: its version is %d, and this version of pawl reads %d", head.Version, SnapshotVersion)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var kept snapshot
	if err := decoder.Decode(&kept); err != nil {
		return Facts{}, fmt.Errorf("reading the snapshot: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Facts{}, errors.New("reading the snapshot: there is something behind it")
	}
	return kept.Facts, nil
}

// keptFact is a fact in a snapshot: a value, or an error and its kind.
type keptFact struct {
	Value json.RawMessage `json:"value,omitempty"`
	Error *string         `json:"error,omitempty"`
	Kind  string          `json:"kind,omitempty"`
}

// keptError is an error that was read back.
type keptError struct {
	text string
	kind error
}

func (e *keptError) Error() string { return e.text }
func (e *keptError) Unwrap() error { return e.kind }

// errorKinds are the errors whose kind decides about the exit code.
func errorKinds() []error {
	return []error{forge.ErrAccess, ErrUndecidable, forge.ErrTransient, forge.ErrNotFound}
}

// MarshalJSON writes {"value": …}, {"error": …}, or null for a fact that was not
// looked up.
func (f Fact[T]) MarshalJSON() ([]byte, error) {
	if !f.Asked() {
		return []byte("null"), nil
	}
	if f.Err == nil {
		value, err := json.Marshal(f.Value)
		if err != nil {
			return nil, err
		}
		return json.Marshal(keptFact{Value: value})
	}
	text := legible(f.Err.Error())
	kept := keptFact{Error: &text}
	for _, kind := range errorKinds() {
		if errors.Is(f.Err, kind) {
			kept.Kind = kind.Error()
			break
		}
	}
	return json.Marshal(kept)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (f *Fact[T]) UnmarshalJSON(data []byte) error {
	*f = Fact[T]{}
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	var kept keptFact
	if err := strictly(data, &kept); err != nil {
		return err
	}
	switch {
	case kept.Error != nil:
		failed := &keptError{text: *kept.Error}
		for _, kind := range errorKinds() {
			if kind.Error() == kept.Kind {
				failed.kind = kind
			}
		}
		f.Err = failed
		return nil
	case len(kept.Value) == 0:
		return errors.New("a fact has neither a value nor an error")
	}
	f.read = true
	return strictly(kept.Value, &f.Value)
}

// strictly decodes JSON that must not have keys which the value does not have.
func strictly(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
