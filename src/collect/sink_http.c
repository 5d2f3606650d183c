#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/sink_text.h"
#include "port/log.h"

#define CONNECT_MS_MAX 5000L
#define POST_MS_MAX 60000L
#define TOKEN_LENGTH_MAX 1024

struct http_sink {
    struct weir_text_sink text;
    const atomic_bool *stopping;
    CURL *curl;
    struct curl_slist *headers;
    char reason[CURL_ERROR_SIZE];
    char answer[256]; /* the beginning of it, as text */
    int body_fd;      /* the lines of a transaction: a file in memory */
    int64_t sent;
};

static void undo(struct weir_sink *sink)
{
    struct http_sink *http = (struct http_sink *)sink;

    weir_writer_init(&http->text.writer, http->body_fd, http->text.name);
    if (ftruncate(http->body_fd, 0) != 0 || lseek(http->body_fd, 0, SEEK_SET) != 0)
        http->text.writer.error = errno;
}

static size_t read_body(char *bytes, size_t size, size_t count, void *context)
{
    struct http_sink *http = context;
    ssize_t length = pread(http->body_fd, bytes, size * count, http->sent);

    if (length < 0)
        return CURL_READFUNC_ABORT;
    http->sent += length;
    return (size_t)length;
}

static int seek_body(void *context, curl_off_t offset, int origin)
{
    struct http_sink *http = context;

    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    http->sent = offset;
    return CURL_SEEKFUNC_OK;
}

static size_t take_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct http_sink *http = context;
    size_t length = strlen(http->answer);

    for (size_t i = 0; i < size * count && length + 1 < sizeof(http->answer); i++)
        http->answer[length++] = bytes[i];
    http->answer[length] = '\0';
    return size * count;
}

static int look_for_stop(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct http_sink *http = context;

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return atomic_load(http->stopping);
}

/* What an endpoint says of the lines themselves stays so however often they are sent. */
static bool is_final(long code)
{
    return code == 400 || code == 413 || code == 415 || code == 422;
}

static enum weir_status post(struct http_sink *http, int64_t length)
{
    CURLcode result;
    long code = 0;

    http->sent = 0;
    http->answer[0] = '\0';
    http->reason[0] = '\0';
    (void)curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    result = curl_easy_perform(http->curl);
    if (result != CURLE_OK) {
        (void)snprintf(http->text.sink.problem, sizeof(http->text.sink.problem), "%s",
                       http->reason[0] != '\0' ? http->reason : curl_easy_strerror(result));
        return WEIR_FULL;
    }
    (void)curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &code);
    if (code >= 200 && code < 300)
        return WEIR_OK;
    (void)snprintf(http->text.sink.problem, sizeof(http->text.sink.problem), "HTTP status %ld: %s",
                   code, http->answer);
    return is_final(code) ? WEIR_REFUSED : WEIR_FULL;
}

static enum weir_status finish(struct weir_sink *sink)
{
    struct http_sink *http = (struct http_sink *)sink;
    struct stat status;
    enum weir_status posted = WEIR_OK;

    weir_writer_flush(&http->text.writer);
    if (http->text.writer.error == 0 && fstat(http->body_fd, &status) != 0)
        http->text.writer.error = errno;
    if (http->text.writer.error != 0)
        return weir_text_sink_outcome(&http->text);
    if (status.st_size > 0)
        posted = post(http, status.st_size);
    if (posted == WEIR_OK)
        undo(sink);
    return posted;
}

static void destroy(struct weir_sink *sink)
{
    struct http_sink *http = (struct http_sink *)sink;

    curl_slist_free_all(http->headers);
    curl_easy_cleanup(http->curl);
    if (http->body_fd >= 0)
        close(http->body_fd);
    free(http);
    curl_global_cleanup();
}

static bool add_header(struct http_sink *http, const char *header)
{
    struct curl_slist *headers = curl_slist_append(http->headers, header);

    if (headers)
        http->headers = headers;
    return headers != NULL;
}

static bool add_token(struct http_sink *http, const char *path)
{
    char header[sizeof("Authorization: Token ") + TOKEN_LENGTH_MAX] = "Authorization: Token ";
    size_t length = strlen(header);
    FILE *file = fopen(path, "re");
    bool added;

    if (!file || !fgets(header + length, TOKEN_LENGTH_MAX, file)) {
        weir_log_error("cannot read the token in %s", path);
        if (file)
            (void)fclose(file);
        return false;
    }
    (void)fclose(file);
    header[strcspn(header, "\r\n")] = '\0';
    added = add_header(http, header);
    explicit_bzero(header, sizeof(header));
    return added;
}

static bool set_options(struct http_sink *http, const char *url)
{
    CURL *curl = http->curl;

    return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, http->headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS_MAX) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, POST_MS_MAX) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->reason) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_READDATA, http) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SEEKDATA, http) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, http) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_for_stop) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http) == CURLE_OK;
}

struct weir_sink *weir_sink_create_http(const char *url, const char *token_file,
                                        const atomic_bool *stopping)
{
    struct http_sink *http = calloc(1, sizeof(*http));

    if (!http || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(http);
        weir_log_error("out of memory");
        return NULL;
    }
    /* What an endpoint refuses is a message then, and no good ones with it. */
    weir_text_sink_init(&http->text, "the lines to send", WEIR_SINK_LINE, 1);
    http->text.sink.finish = finish;
    http->text.sink.undo = undo;
    http->text.sink.destroy = destroy;
    http->stopping = stopping;
    http->curl = curl_easy_init();
    http->body_fd = memfd_create("weir-collect", MFD_CLOEXEC);
    weir_writer_init(&http->text.writer, http->body_fd, http->text.name);
    /* Many an endpoint does not know what to do with Expect. */
    if (http->curl && http->body_fd >= 0 &&
        add_header(http, "Content-Type: text/plain; charset=utf-8") &&
        add_header(http, "Expect:") && (!token_file || add_token(http, token_file)) &&
        set_options(http, url))
        return &http->text.sink;
    weir_log_error("cannot send to %s", url);
    destroy(&http->text.sink);
    return NULL;
}
