/* AMX's instructions as the processor's manual has them, for a thread at a time: what they may not be given is counted.
   Only that sums below 2**-126 become zero is left out. */

#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

enum { REGISTERS = 8, ROWS = 16, ROW = 64, WORD = 4 };

typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[ROWS];
    uint8_t rows[ROWS];
} Configuration;

static _Thread_local Configuration held;
static _Thread_local uint8_t tiles[REGISTERS][ROWS][ROW];
static atomic_long faults, products;

static int require(int condition) {
    if (!condition) atomic_fetch_add(&faults, 1);
    return condition;
}

long tile_faults(void) { return atomic_exchange(&faults, 0); }

long tile_products(void) { return atomic_exchange(&products, 0); }

int zcc_test_ldtilecfg(const void *from) {
    memcpy(&held, from, sizeof held);
    memset(tiles, 0, sizeof tiles);
    require(held.palette == 1 && held.start_row == 0);
    for (int number = 0; number < ROWS; number++) {
        require(held.rows[number] <= ROWS && held.row_bytes[number] <= ROW);
        require(!held.rows[number] == !held.row_bytes[number]);
        require(number < REGISTERS || !held.rows[number]);
    }
    return 0;
}

int zcc_test_tilerelease(void) {
    memset(&held, 0, sizeof held);
    return 0;
}

static int usable(int tile) { return require(tile >= 0 && tile < REGISTERS && held.palette == 1 && held.rows[tile]); }

int zcc_test_tilezero(int tile) {
    if (usable(tile)) memset(tiles[tile], 0, sizeof tiles[tile]);
    return 0;
}

int zcc_test_tileloadd64(int tile, const char *from, int64_t distance) {
    if (!usable(tile)) return 0;
    memset(tiles[tile], 0, sizeof tiles[tile]);
    for (int row = 0; row < held.rows[tile]; row++) memcpy(tiles[tile][row], from + row * distance, held.row_bytes[tile]);
    return 0;
}

int zcc_test_tilestored64(int tile, char *to, int64_t distance) {
    if (!usable(tile)) return 0;
    for (int row = 0; row < held.rows[tile]; row++) memcpy(to + row * distance, tiles[tile][row], held.row_bytes[tile]);
    return 0;
}

/* Whether the sizes of three registers fit each other: rows of the sum times words of x, words of x times columns. */
static int fit(int sum, int x, int weights) {
    return usable(sum) && usable(x) && usable(weights) && require(sum != x && x != weights && sum != weights)
        && require(held.rows[x] == held.rows[sum] && held.row_bytes[weights] == held.row_bytes[sum])
        && require(held.rows[weights] * WORD == held.row_bytes[x]);
}

int zcc_test_tdpbusd(int sum, int x, int weights) {
    if (!fit(sum, x, weights)) return 0;
    atomic_fetch_add(&products, 1);
    for (int row = 0; row < held.rows[sum]; row++)
        for (int column = 0; column < held.row_bytes[sum] / WORD; column++) {
            uint32_t total;
            memcpy(&total, tiles[sum][row] + column * WORD, WORD);
            for (int word = 0; word < held.rows[weights]; word++)
                for (int byte = 0; byte < WORD; byte++)
                    total += (uint32_t)(tiles[x][row][word * WORD + byte]
                                        * (int8_t)tiles[weights][word][column * WORD + byte]);
            memcpy(tiles[sum][row] + column * WORD, &total, WORD);
        }
    return 0;
}

static float from_bfloat16(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static float from_float16(uint16_t bits) {
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    float size = exponent == 31 ? (fraction ? NAN : INFINITY)
        : exponent ? ldexpf((float)(fraction | 1024), exponent - 25)
                   : ldexpf((float)fraction, -24);
    return bits >> 15 ? -size : size;
}

static float number(int tile, int row, int at, float (*from)(uint16_t)) {
    uint16_t bits;
    memcpy(&bits, tiles[tile][row] + 2 * at, sizeof bits);
    return from(bits);
}

/* Numbers with even and with odd places have sums of their own, which start at zero and are added at the end. */
static int add_pairs(int sum, int x, int weights, float (*from)(uint16_t)) {
    if (!fit(sum, x, weights)) return 0;
    atomic_fetch_add(&products, 1);
    for (int row = 0; row < held.rows[sum]; row++)
        for (int column = 0; column < held.row_bytes[sum] / WORD; column++) {
            float parts[2] = {0, 0}, total;
            for (int word = 0; word < held.rows[weights]; word++)
                for (int part = 0; part < 2; part++)
                    parts[part] = fmaf(number(x, row, 2 * word + part, from),
                                       number(weights, word, 2 * column + part, from), parts[part]);
            memcpy(&total, tiles[sum][row] + column * WORD, WORD);
            total += parts[0] + parts[1];
            memcpy(tiles[sum][row] + column * WORD, &total, WORD);
        }
    return 0;
}

int zcc_test_tdpbf16ps(int sum, int x, int weights) { return add_pairs(sum, x, weights, from_bfloat16); }

int zcc_test_tdpfp16ps(int sum, int x, int weights) { return add_pairs(sum, x, weights, from_float16); }
