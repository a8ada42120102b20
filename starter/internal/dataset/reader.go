package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxLine is the longest line that is read, in bytes without its end.
const MaxLine = 1 << 20

var byteOrderMark = []byte{0xEF, 0xBB, 0xBF}

// Line is one line of a file that is not blank.
type Line struct {
	// Number counts from 1 and includes blank lines.
	Number int
	// Record is nil when Err is not.
	Record Record
	// Err says what is wrong with the line.
	Err error
}

// Reader reads the lines of one file. It tolerates a byte order mark at the
// beginning, CR LF at the ends of lines, blank lines and a last line without
// an end.
type Reader struct {
	lines  *bufio.Reader
	number int
	// line is the buffer of the line at hand.
	line []byte
}

// NewReader returns a Reader of the file's content.
func NewReader(file io.Reader) *Reader {
	return &Reader{lines: bufio.NewReaderSize(file, 64<<10)}
}

// Next returns the next line that is not blank. A line that cannot be used has
// an Err, and reading goes on behind it. The error is io.EOF at the end of the
// file, or that of the file itself.
func (r *Reader) Next() (Line, error) {
	text, tooLong, err := r.nextText()
	if err != nil {
		return Line{}, err
	}
	line := Line{Number: r.number}
	if tooLong {
		line.Err = fmt.Errorf("it is longer than %d bytes", MaxLine)
		return line, nil
	}
	line.Record, line.Err = Decode(text)
	return line, nil
}

// Count returns the number of lines that Next would return.
func Count(file io.Reader) (int, error) {
	reader := NewReader(file)
	for count := 0; ; count++ {
		if _, _, err := reader.nextText(); errors.Is(err, io.EOF) {
			return count, nil
		} else if err != nil {
			return count, err
		}
	}
}

// nextText returns the next line that is not blank, without its end. The text
// is valid until the next call.
func (r *Reader) nextText() (text []byte, tooLong bool, err error) {
	for {
		tooLong, err = r.readLine()
		if err != nil {
			return nil, false, err
		}
		text = bytes.TrimSpace(r.line)
		if tooLong || len(text) > 0 {
			return text, tooLong, nil
		}
	}
}

// readLine reads up to the next line feed into r.line. What goes beyond MaxLine
// is skipped, not kept. It returns io.EOF only when there is no line any more.
func (r *Reader) readLine() (tooLong bool, err error) {
	r.line = r.line[:0]
	for read := false; ; read = true {
		part, err := r.lines.ReadSlice('\n')
		ended := err == nil
		if !ended && !errors.Is(err, bufio.ErrBufferFull) {
			if !errors.Is(err, io.EOF) {
				return false, err
			}
			if !read && len(part) == 0 {
				return false, io.EOF
			}
			ended = true
		}
		if !tooLong {
			r.line = append(r.line, part...)
			tooLong = len(bytes.TrimRight(r.line, "\r\n")) > MaxLine
		}
		if ended {
			r.number++
			if r.number == 1 {
				r.line = bytes.TrimPrefix(r.line, byteOrderMark)
			}
			return tooLong, nil
		}
	}
}
