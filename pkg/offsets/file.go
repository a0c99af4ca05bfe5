package offsets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/layout"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// fileVersion is the "v" of the file itself; the documents inside have their own.
const fileVersion = 1

// fileDocument is the whole file <escaped group>.json.
type fileDocument struct {
	V int `json:"v"`
	layout.Table
}

// File keeps offsets in one file of a folder, replaced as a whole by every write. It is for one
// process on one machine, which a lock on <escaped group>.lock makes sure of. Make it with NewFile,
// then Open it.
type File struct {
	cfg  FileConfig
	path string // the document
	sync func(*os.File) error

	mu    sync.Mutex
	lock  *os.File // nil = not open
	table layout.Table
	dirty bool // table may not be what a crash leaves behind: write it again before the next answer
}

// LockedError: another process uses the same group in the same folder.
type LockedError struct {
	Path   string // the lock file
	Holder string // what its owner wrote into it: "pid 123"; may be empty
}

func (e *LockedError) Error() string {
	holder := e.Holder
	if holder == "" {
		holder = "another process"
	}
	return fmt.Sprintf("lock %s: held by %s; stop it, or give this one another group or offsets.file.path", e.Path, holder)
}

// NewFile checks the configuration and touches nothing.
func NewFile(cfg FileConfig) (*File, error) {
	if cfg.Group == "" {
		return nil, errors.New("group: must not be empty")
	}
	if cfg.Path == "" {
		cfg.Path = DefaultFileConfig().Path
	}
	return &File{cfg: cfg, path: filepath.Join(cfg.Path, layout.Escape(cfg.Group)+".json"), sync: (*os.File).Sync}, nil
}

// Open creates the folder, takes the lock and reads the file. It fails with a *LockedError while
// another process holds the lock, and when the folder can't be written or the file can't be
// understood: none of these is a first start. Opening twice does nothing.
func (f *File) Open() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock != nil {
		return nil
	}
	if err := os.MkdirAll(f.cfg.Path, 0o755); err != nil {
		return fmt.Errorf("create folder %s: %w; offsets.file.path must be writable", f.cfg.Path, err)
	}
	lock, err := takeLock(f.lockPath())
	if err != nil {
		return err
	}
	table, err := f.load()
	if err == nil {
		// Only a write shows that a later commit can succeed.
		err = f.probe()
	}
	if err != nil {
		_ = lock.Close()
		return err
	}
	f.lock, f.table, f.dirty = lock, table, false
	return nil
}

// Close gives the lock back. It may be called twice and without Open.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock == nil {
		return nil
	}
	err := f.lock.Close()
	f.lock = nil
	return err
}

// Kind is the word for the store in the status: "file".
func (f *File) Kind() string { return "file" }

// Location is the path of the file.
func (f *File) Location() string { return f.path }

// Topic reads a topic's document; Index 0 = absent. Errors: *record.BadKeyError,
// *record.InvalidError, or one that wraps record.ErrUnavailable.
func (f *File) Topic(ctx context.Context, topic string) (record.Topic, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(ctx); err != nil {
		return record.Topic{}, fmt.Errorf("read %s: %w", f.path, err)
	}
	return f.table.Topic(topic, f.path+": ")
}

// Entries reads partitions' documents in the order asked; Index 0 = absent, Bad set = there but not
// usable. Errors: *record.InvalidError, or one that wraps record.ErrUnavailable.
func (f *File) Entries(ctx context.Context, parts []record.TopicPartition) ([]record.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(ctx); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	return f.table.Entries(parts, f.path+": ")
}

// Audits reads the operators' log, the oldest line first. The error wraps record.ErrUnavailable.
func (f *File) Audits(ctx context.Context) ([]record.Audit, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(ctx); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	return f.table.Audits(), nil
}

// Write applies all writes or none and returns the new version of each; when it returns nil they
// are on the disk. Errors: *record.StaleError, *record.InvalidError, or one that wraps
// record.ErrUnavailable or record.ErrOutcomeUnknown.
func (f *File) Write(ctx context.Context, writes []record.Write) ([]uint64, error) {
	puts, err := layout.Encode(f.cfg.Group, writes)
	if err != nil || len(puts) == 0 {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(ctx); err != nil {
		return nil, fmt.Errorf("write %s: %w", f.path, err)
	}
	next, indexes, stale := f.table.Apply(puts)
	if len(stale) > 0 {
		return nil, fmt.Errorf("write %s: %w", f.path, &record.StaleError{Stale: stale})
	}
	if next.Index == f.table.Index && len(next.Keys) == len(f.table.Keys) {
		return indexes, nil // nothing changed
	}
	if err := f.replace(next); err != nil {
		return nil, fmt.Errorf("write %s: %w", f.path, err)
	}
	return indexes, nil
}

// ready is called before every answer, with the lock held.
func (f *File) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", record.ErrUnavailable, err)
	}
	if f.lock == nil {
		return fmt.Errorf("%w: it is not open", record.ErrUnavailable)
	}
	if f.dirty {
		// The folder could not be synced after a rename: what is read here must not be something
		// that a crash takes back. A second fsync proves nothing after a failed one; a new file does.
		if err := f.replace(f.table); err != nil {
			return fmt.Errorf("%w: %w", record.ErrUnavailable, err)
		}
	}
	return nil
}

// replace makes table the content of the file: temp file, fsync, rename, fsync of the folder.
func (f *File) replace(table layout.Table) error {
	data, err := json.Marshal(fileDocument{V: fileVersion, Table: table})
	if err != nil {
		return &record.InvalidError{Reason: err.Error()}
	}
	temp := f.path + ".tmp"
	if err := f.writeSynced(temp, append(data, '\n')); err != nil {
		return fmt.Errorf("%w: %w", record.ErrUnavailable, err)
	}
	if err := os.Rename(temp, f.path); err != nil {
		return fmt.Errorf("%w: %w", record.ErrUnavailable, err)
	}
	f.table, f.dirty = table, true
	if err := f.syncFolder(); err != nil {
		return fmt.Errorf("%w: %w", record.ErrOutcomeUnknown, err)
	}
	f.dirty = false
	return nil
}

func (f *File) writeSynced(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = f.sync(file)
	}
	return errors.Join(err, file.Close())
}

func (f *File) syncFolder() error {
	folder, err := os.Open(f.cfg.Path)
	if err != nil {
		return err
	}
	return errors.Join(f.sync(folder), folder.Close())
}

func (f *File) load() (layout.Table, error) {
	data, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return layout.Table{}, nil
	}
	if err != nil {
		return layout.Table{}, fmt.Errorf("read offsets: %w", err)
	}
	table, err := decodeFile(data)
	if err != nil {
		return layout.Table{}, fmt.Errorf("read offsets: %w", &record.BadKeyError{
			Key: f.path, Reason: err.Error() + "; restore it from a copy, or move it away to start as for the first time",
		})
	}
	return table, nil
}

// decodeFile checks what compare-and-set relies on: every key has a version, none above the counter.
func decodeFile(data []byte) (layout.Table, error) {
	var head struct {
		V *int `json:"v"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return layout.Table{}, fmt.Errorf("can't be decoded: %w", err)
	}
	if head.V == nil || *head.V != fileVersion {
		return layout.Table{}, fmt.Errorf("is not of version %d, the one that this sidecar understands", fileVersion)
	}
	var d fileDocument
	if err := json.Unmarshal(data, &d); err != nil {
		return layout.Table{}, fmt.Errorf("can't be decoded: %w", err)
	}
	for name, row := range d.Keys {
		if row.Index == 0 || row.Index > d.Index {
			return layout.Table{}, fmt.Errorf("the key %s has the index %d, which is not between 1 and %d", name, row.Index, d.Index)
		}
	}
	return d.Table, nil
}

func (f *File) lockPath() string {
	return filepath.Join(f.cfg.Path, layout.Escape(f.cfg.Group)+".lock")
}

// probe writes and removes a file beside the document.
func (f *File) probe() error {
	path := f.path + ".check"
	err := f.writeSynced(path, []byte("check\n"))
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		return fmt.Errorf("write to folder %s: %w; offsets.file.path must be writable", f.cfg.Path, err)
	}
	return nil
}

// Check tries whether the folder can be written and the file be understood. It takes no lock, so it
// can be run beside a running sidecar.
func (f *File) Check(context.Context) []record.Finding {
	if err := os.MkdirAll(f.cfg.Path, 0o755); err != nil {
		return []record.Finding{{Name: "file folder", Detail: err.Error(), Hint: "set offsets.file.path to a folder that can be written"}}
	}
	if err := f.probe(); err != nil {
		return []record.Finding{{Name: "file folder", Detail: err.Error(), Hint: "give this user the right to write to " + f.cfg.Path}}
	}
	findings := []record.Finding{{Name: "file folder", OK: true, Detail: f.cfg.Path + " can be written"}}
	table, err := f.load()
	if err != nil {
		return append(findings, record.Finding{Name: "file offsets", Detail: err.Error(), Hint: "restore " + f.path + " from a copy"})
	}
	return append(findings, record.Finding{Name: "file offsets", OK: true, Detail: fmt.Sprintf("%s holds %d keys", f.path, len(table.Keys))})
}
