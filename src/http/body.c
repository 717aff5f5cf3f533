#include "http/internal.h"

/* Extensions and trailers mean nothing to us; nobody may make us read many of them. */
enum { EXTRA_MAX = 4096, DIGITS_MAX = 15 };

enum state {
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,
    TRAILER_REST,
    TRAILER_LF,
    END_LF,
    COMPLETE
};

void http_body_start(struct http_body *b, enum http_framing framing, int64_t length)
{
    *b = (struct http_body){.framing = (uint8_t)framing};
    if (framing == HTTP_LENGTH)
        b->left = (uint64_t)length;
    if (framing == HTTP_NO_BODY || (framing == HTTP_LENGTH && length == 0))
        b->state = COMPLETE;
}

bool http_body_is_complete(const struct http_body *b)
{
    return b->state == COMPLETE;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *size_byte(struct http_body *b, char c)
{
    int v = hex_value(c);
    if (v >= 0 && ++b->digits <= DIGITS_MAX)
        b->left = b->left << 4 | (uint64_t)v;
    else if (v >= 0)
        return "A chunk size has too many digits";
    else if (b->digits == 0)
        return "A chunk size is not a hexadecimal number";
    else if (c == '\r')
        b->state = SIZE_LF;
    else if (c == ';')
        b->state = EXTENSION;
    else
        return "A chunk size is followed by something other than CRLF";
    return NULL;
}

/* Extensions and trailers: anything printable up to CR. */
static const char *extra_byte(struct http_body *b, char c, enum state after_cr)
{
    if (c == '\r')
        b->state = (uint8_t)after_cr;
    else if (((unsigned char)c < ' ' && c != '\t') || c == 0x7f)
        return "A chunk extension or trailer holds a character that is not allowed";
    else if (++b->extra > EXTRA_MAX)
        return "The chunk extensions and trailers are over 4096 bytes";
    return NULL;
}

static const char *trailer_byte(struct http_body *b, char c)
{
    if (c == ' ' || c == '\t')
        return "A trailer is folded over two lines";
    b->state = TRAILER_REST;
    const char *why = extra_byte(b, c, END_LF);
    return why;
}

static const char *expect(struct http_body *b, bool is_so, enum state next)
{
    b->state = (uint8_t)next;
    return is_so ? NULL : "A line of the chunked body does not end in CRLF";
}

static const char *chunk_byte(struct http_body *b, char c)
{
    switch ((enum state)b->state) {
    case SIZE:
        return size_byte(b, c);
    case EXTENSION:
        return extra_byte(b, c, SIZE_LF);
    case SIZE_LF:
        return expect(b, c == '\n', b->left ? DATA : TRAILER);
    case DATA_CR:
        return expect(b, c == '\r', DATA_LF);
    case DATA_LF:
        b->digits = 0;
        return expect(b, c == '\n', SIZE);
    case TRAILER:
        return trailer_byte(b, c);
    case TRAILER_REST:
        return extra_byte(b, c, TRAILER_LF);
    case TRAILER_LF:
        return expect(b, c == '\n', TRAILER);
    case END_LF:
        return expect(b, c == '\n', COMPLETE);
    case DATA:
    case COMPLETE:
        break;
    }
    BUG_ON(true);
}

static struct str take(struct http_body *b, struct str *in)
{
    struct str piece = str_head(*in, b->left < in->n ? (size_t)b->left : in->n);
    *in = str_skip(*in, piece.n);
    b->left -= piece.n;
    b->got += piece.n;
    return piece;
}

static enum http_step next_chunked(struct http_body *b, struct str *in, struct str *piece,
                                   const char **why)
{
    while (in->n) {
        if (b->state == DATA) {
            *piece = take(b, in);
            if (b->left == 0)
                b->state = DATA_CR;
            return HTTP_STEP_PIECE;
        }
        *why = chunk_byte(b, in->p[0]);
        if (*why)
            return HTTP_STEP_BAD;
        *in = str_skip(*in, 1);
        if (b->state == COMPLETE)
            return HTTP_STEP_END;
    }
    return HTTP_STEP_MORE;
}

enum http_step http_body_next(struct http_body *b, struct str *in, struct str *piece,
                              const char **why)
{
    if (b->state == COMPLETE)
        return HTTP_STEP_END;
    if (b->framing == HTTP_CHUNKED)
        return next_chunked(b, in, piece, why);
    if (in->n == 0)
        return HTTP_STEP_MORE;
    if (b->framing == HTTP_TO_EOF)
        b->left = in->n;
    *piece = take(b, in);
    if (b->framing == HTTP_LENGTH && b->left == 0)
        b->state = COMPLETE;
    return HTTP_STEP_PIECE;
}
