CREATE TABLE IF NOT EXISTS templates (
    code TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    fields TEXT NOT NULL,
    created_at REAL NOT NULL,
    submitted_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS batches (
    biz_id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    out_id TEXT,
    sender TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    html TEXT NOT NULL,
    template_code TEXT NOT NULL,
    accepted_at REAL NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0,
    UNIQUE (channel, out_id)
);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    biz_id TEXT,
    recipient TEXT NOT NULL COLLATE NOCASE,
    sender TEXT,
    subject TEXT,
    preview TEXT,
    params TEXT,
    at REAL NOT NULL,
    state TEXT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    due_at REAL,
    to_push INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS messages_recipient ON messages (recipient, id);
CREATE INDEX IF NOT EXISTS messages_channel ON messages (channel, id);
CREATE INDEX IF NOT EXISTS messages_batch ON messages (biz_id, due_at, id);
CREATE INDEX IF NOT EXISTS messages_to_push ON messages (due_at) WHERE to_push = 1;
CREATE TABLE IF NOT EXISTS bodies (message_id INTEGER PRIMARY KEY, raw BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS replies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id INTEGER,
    recipient TEXT NOT NULL,
    text TEXT NOT NULL,
    at REAL NOT NULL,
    to_push INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS inbound (biz_id TEXT PRIMARY KEY, url TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS push_files (
    file_id TEXT PRIMARY KEY,
    app_key TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS browsers (
    id TEXT PRIMARY KEY,
    private TEXT NOT NULL,
    auth TEXT NOT NULL,
    server_key TEXT NOT NULL,
    answer INTEGER NOT NULL,
    reaction TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS pushes (
    biz_id TEXT PRIMARY KEY,
    payload TEXT NOT NULL,
    receipt_url TEXT NOT NULL,
    receipt_type INTEGER NOT NULL,
    expires_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, private TEXT NOT NULL);
