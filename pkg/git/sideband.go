package git

import (
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
)

// sideband reads the data out of a stream that also carries progress texts and
// a last fatal text.
// https://git-scm.com/docs/gitprotocol-pack#_packfile_data
type sideband struct {
	lines    *pktline.Scanner
	pending  []byte    // a packet, or what is left of one
	progress io.Writer // nil: thrown away
	fatal    string    // the server's last words, which ended the stream
	data     bool      // pending is data
}

// Read implements [io.Reader].
func (s *sideband) Read(p []byte) (int, error) {
	for !s.data || len(s.pending) == 0 {
		if len(s.pending) == 0 {
			if !s.lines.Scan() {
				if err := s.lines.Err(); err != nil {
					return 0, err
				}
				return 0, io.EOF
			}
			s.pending = s.lines.Bytes()
		}
		if len(s.pending) == 0 {
			return 0, io.EOF // a flush packet
		}
		if err := s.packet(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	return n, nil
}

// packet looks at the band of a packet and keeps its data.
func (s *sideband) packet() error {
	band, content := s.pending[0], s.pending[1:]
	s.pending, s.data = nil, false
	switch band {
	case 1:
		s.pending, s.data = content, true
	case 2:
		if s.progress != nil {
			_, err := s.progress.Write(content)
			return err
		}
	case 3:
		s.fatal = string(content)
		return io.ErrUnexpectedEOF
	default:
		return fmt.Errorf("unknown side band %d", band)
	}
	return nil
}
