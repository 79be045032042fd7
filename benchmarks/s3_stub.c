/* The part of S3 that an uploader calls, for benchmarks: it counts requests and bytes, and keeps no data.

   One thread, epoll, plain HTTP/1.1 on a free port of 127.0.0.1, which it prints. Bodies are discarded inside the
   kernel (MSG_TRUNC on a TCP socket copies nothing), so that the client's CPU time is nearly all there is. It verifies
   neither signatures nor checksums. `GET /-/counts` returns the counters as JSON. See benchmarks/s3_stub.py. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FDS 1024
#define HEAD_BYTES 16384
#define REPLY_BYTES (1 << 20)
#define MAX_UPLOADS 4096
#define MAX_PARTS 10001

typedef struct {
    char head[HEAD_BYTES + 1];
    size_t filled;      /* bytes of `head` that were received */
    size_t head_bytes;  /* length of the head with its empty line, 0 while it is incomplete */
    long long body;     /* bytes of the body still to come */
    long long length;   /* bytes of the body in all */
} Connection;

typedef struct { long long sizes[MAX_PARTS]; } Upload;

static Connection *connections[MAX_FDS];
static Upload *uploads[MAX_UPLOADS];
static int upload_count;
static struct { long long connections, puts, parts, creates, completes, aborts, heads, lists, ledger, others, bytes; } counts;
static char reply[REPLY_BYTES];

static const char *ETAG = "\"d41d8cd98f00b204e9800998ecf8427e\"";

/* Return the value of a header, or NULL; `end` becomes its end. */
static const char *find_header(const char *head, const char *name, const char **end) {
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n"))
        if (!strncasecmp(line + 2, name, length) && line[2 + length] == ':') {
            const char *value = line + 3 + length;
            while (*value == ' ') value++;
            *end = strstr(value, "\r\n");
            return value;
        }
    return NULL;
}

static void send_all(int fd, const char *text, size_t length) {
    while (length) {
        ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);
        if (sent <= 0) return;
        text += sent;
        length -= (size_t)sent;
    }
}

static void respond(int fd, const char *status, const char *headers, const char *body) {
    static char text[REPLY_BYTES + 1024];
    int length = snprintf(text, sizeof text,
                          "HTTP/1.1 %s\r\nx-amz-request-id: 0\r\n%sContent-Length: %zu\r\n\r\n%s",
                          status, headers, strlen(body), body);
    send_all(fd, text, (size_t)length);
}

/* Write the headers that name the new object or part, with the checksum that the request brought. */
static void describe_object(const char *head, char *headers, size_t size) {
    int used = snprintf(headers, size, "ETag: %s\r\nx-amz-version-id: 1\r\n", ETAG);
    static const char *names[] = {"x-amz-checksum-crc32", "x-amz-checksum-crc64nvme", "x-amz-checksum-sha256"};
    for (int i = 0; i < 3; i++) {
        const char *end, *value = find_header(head, names[i], &end);
        if (value)
            used += snprintf(headers + used, size - (size_t)used, "%s: %.*s\r\n", names[i], (int)(end - value), value);
    }
}

static Upload *find_upload(const char *query) {
    const char *id = strstr(query, "uploadId=");
    int number = id ? atoi(id + 9) : 0;
    return number > 0 && number <= upload_count ? uploads[number - 1] : NULL;
}

static void list_parts(int fd, const Upload *upload) {
    int used = snprintf(reply, sizeof reply, "<ListPartsResult><IsTruncated>false</IsTruncated>");
    for (int i = 1; i < MAX_PARTS && used < REPLY_BYTES - 256; i++)
        if (upload->sizes[i])
            used += snprintf(reply + used, sizeof reply - (size_t)used,
                             "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag><Size>%lld</Size></Part>", i, ETAG,
                             upload->sizes[i]);
    snprintf(reply + used, sizeof reply - (size_t)used, "</ListPartsResult>");
    respond(fd, "200 OK", "Content-Type: application/xml\r\n", reply);
}

static void report_counts(int fd) {
    snprintf(reply, sizeof reply,
             "{\"connections\": %lld, \"puts\": %lld, \"parts\": %lld, \"creates\": %lld, \"completes\": %lld, "
             "\"aborts\": %lld, \"heads\": %lld, \"lists\": %lld, \"ledger\": %lld, \"others\": %lld, "
             "\"bytes\": %lld}\n",
             counts.connections, counts.puts, counts.parts, counts.creates, counts.completes, counts.aborts,
             counts.heads, counts.lists, counts.ledger, counts.others, counts.bytes);
    respond(fd, "200 OK", "Content-Type: application/json\r\n", reply);
}

static void put(int fd, Connection *c, const char *query) {
    char headers[1024];
    const char *part = strstr(query, "partNumber=");
    Upload *upload = find_upload(query);
    int number = part ? atoi(part + 11) : 0;
    if (part && (!upload || number < 1 || number >= MAX_PARTS)) {
        counts.others++;
        respond(fd, "404 Not Found", "", "<Error><Code>NoSuchUpload</Code></Error>");
        return;
    }
    if (part) upload->sizes[number] = c->length;
    part ? counts.parts++ : counts.puts++;
    counts.bytes += c->length;
    describe_object(c->head, headers, sizeof headers);
    respond(fd, "200 OK", headers, "");
}

/* Respond to a request for DynamoDB, which shares the endpoint of an embedded stack: its tables are empty. */
static void ask_ledger(int fd) {
    counts.ledger++;
    respond(fd, "200 OK", "Content-Type: application/x-amz-json-1.0\r\n",
            "{\"Items\": [], \"Count\": 0, \"ScannedCount\": 0, \"Responses\": {}, \"UnprocessedKeys\": {}}");
}

static void post(int fd, Connection *c, const char *query) {
    const char *end, *type = "Content-Type: application/xml\r\n";
    if (find_header(c->head, "x-amz-target", &end)) ask_ledger(fd);
    else if (!strncmp(query, "uploads", 7) && upload_count < MAX_UPLOADS) {
        counts.creates++;
        uploads[upload_count++] = calloc(1, sizeof(Upload));
        snprintf(reply, sizeof reply,
                 "<InitiateMultipartUploadResult><UploadId>%d</UploadId></InitiateMultipartUploadResult>", upload_count);
        respond(fd, "200 OK", type, reply);
    } else if (find_upload(query)) {
        counts.completes++;
        snprintf(reply, sizeof reply,
                 "<CompleteMultipartUploadResult><ETag>%s</ETag></CompleteMultipartUploadResult>", ETAG);
        respond(fd, "200 OK", "Content-Type: application/xml\r\nx-amz-version-id: 1\r\n", reply);
    } else {
        counts.others++;
        respond(fd, "404 Not Found", type, "<Error><Code>NoSuchUpload</Code></Error>");
    }
}

static void get(int fd, const char *path, const char *query) {
    const char *type = "Content-Type: application/xml\r\n";
    if (!strcmp(path, "/-/counts")) {
        report_counts(fd);
        return;
    }
    counts.lists++;
    if (strstr(query, "uploadId=")) {
        Upload *upload = find_upload(query);
        if (upload) list_parts(fd, upload);
        else respond(fd, "404 Not Found", type, "<Error><Code>NoSuchUpload</Code></Error>");
    } else if (strstr(query, "uploads"))
        respond(fd, "200 OK", type, "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>");
    else if (strstr(query, "list-type=2"))
        respond(fd, "200 OK", type, "<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>");
    else respond(fd, "404 Not Found", type, "<Error><Code>NoSuchKey</Code></Error>");
}

/* Respond to a request whose body has been discarded. */
static void handle(int fd, Connection *c) {
    char method[16], path[8192];
    if (sscanf(c->head, "%15s %8191s", method, path) != 2) return;
    char *query = strchr(path, '?');
    if (query) *query++ = 0;
    else query = path + strlen(path);
    if (!strcmp(method, "PUT")) put(fd, c, query);
    else if (!strcmp(method, "POST")) post(fd, c, query);
    else if (!strcmp(method, "GET")) get(fd, path, query);
    else if (!strcmp(method, "HEAD")) {
        counts.heads++;
        respond(fd, "404 Not Found", "", "");
    } else {
        counts.aborts++;
        respond(fd, "204 No Content", "", "");
    }
}

/* Begin a request whose head is complete: learn the length of its body, and keep what came of the body already. */
static int begin(int fd, Connection *c, const char *end_of_head) {
    const char *end, *length = find_header(c->head, "content-length", &end);
    c->head_bytes = (size_t)(end_of_head - c->head) + 4;
    if (find_header(c->head, "transfer-encoding", &end)) {
        respond(fd, "501 Not Implemented", "", "<Error><Code>NotImplemented</Code></Error>");
        return -1;
    }
    c->length = c->body = length ? atoll(length) : 0;
    const char *expect = find_header(c->head, "expect", &end);
    if (expect && c->body && c->filled == c->head_bytes) send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    long long early = (long long)(c->filled - c->head_bytes);
    c->body -= early < c->body ? early : c->body;
    return 0;
}

/* Read what the socket has; return -1 if the connection is over. Clients of S3 do not pipeline. */
static int receive(int fd, Connection *c) {
    ssize_t got;
    if (!c->head_bytes) {
        got = recv(fd, c->head + c->filled, HEAD_BYTES - c->filled, 0);
        if (got <= 0) return -1;
        c->filled += (size_t)got;
        c->head[c->filled] = 0;
        char *end = strstr(c->head, "\r\n\r\n");
        if (!end) return c->filled < HEAD_BYTES ? 0 : -1;
        if (begin(fd, c, end)) return -1;
    } else {
        got = recv(fd, NULL, c->body < (1 << 30) ? (size_t)c->body : (1 << 30), MSG_TRUNC);
        if (got <= 0) return -1;
        c->body -= got;
    }
    if (!c->body) {
        handle(fd, c);
        c->filled = c->head_bytes = 0;
    }
    return 0;
}

static int listen_on_loopback(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 256)) exit(1);
    getsockname(fd, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void accept_connection(int poll, int listener) {
    int one = 1, fd = accept(listener, NULL, NULL);
    if (fd < 0) return;
    if (fd >= MAX_FDS) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connections[fd] = calloc(1, sizeof(Connection));
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    counts.connections++;
}

int main(void) {
    int listener = listen_on_loopback(), poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[64];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) accept_connection(poll, listener);
            else if (receive(fd, connections[fd])) {
                free(connections[fd]);
                connections[fd] = NULL;
                close(fd);
            }
        }
    }
}
