;; The check of json-scan.ts for large bodies: RFC 8259, a depth, the number of values, no key `__proto__`. It says yes,
;; and where the top-level fields stand, or nothing; what is wrong, json-scan.ts finds out. Up to 64 bytes are looked at together.
;;
;; Memory: from 0 the bracket that ends each open level, one byte each; from 256 four i32 for each top-level field,
;; where its key and its value begin and end; from 8192 the body, and a zero behind it, at which everything stops. What
;; follows that may be read, and does not count. A position is an address.
(module
  (memory (export "memory") 1)

  ;; The first byte from `at` on that is no white space.
  (func $spaceEnd (param $at i32) (result i32)
    (local $byte i32)
    (loop $next
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (i32.gt_u (local.get $byte) (i32.const 32)) (then (return (local.get $at))))
      ;; Bits 9, 10, 13 and 32: tab, line feed, carriage return, space.
      (if (i32.eqz (i32.wrap_i64 (i64.and
            (i64.shr_u (i64.const 0x100002600) (i64.extend_i32_u (local.get $byte))) (i64.const 1))))
        (then (return (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))
    (unreachable))

  (func $isDigit (param $byte i32) (result i32)
    (i32.lt_u (i32.sub (local.get $byte) (i32.const 48)) (i32.const 10)))

  (func $isHex (param $byte i32) (result i32)
    (i32.or
      (call $isDigit (local.get $byte))
      (i32.lt_u (i32.sub (i32.or (local.get $byte) (i32.const 32)) (i32.const 97)) (i32.const 6))))

  ;; Where a run of one or more digits ends that begins at `at`; 0 when there is none.
  (func $digitsEnd (param $at i32) (result i32)
    (if (i32.eqz (call $isDigit (i32.load8_u (local.get $at)))) (then (return (i32.const 0))))
    (loop $next
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (call $isDigit (i32.load8_u (local.get $at)))))
    (local.get $at))

  ;; Where a number, `true`, `false` or `null` ends; 0 when there is none.
  (func $scalarEnd (param $at i32) (result i32)
    (local $byte i32)
    (local.set $byte (i32.load8_u (local.get $at)))
    (if (i32.eq (local.get $byte) (i32.const 116)) (then (return (select
      (i32.add (local.get $at) (i32.const 4)) (i32.const 0)
      (i32.eq (i32.load (local.get $at)) (i32.const 0x65757274))))))
    (if (i32.eq (local.get $byte) (i32.const 110)) (then (return (select
      (i32.add (local.get $at) (i32.const 4)) (i32.const 0)
      (i32.eq (i32.load (local.get $at)) (i32.const 0x6c6c756e))))))
    (if (i32.eq (local.get $byte) (i32.const 102)) (then (return (select
      (i32.add (local.get $at) (i32.const 5)) (i32.const 0)
      (i32.eq (i32.load offset=1 (local.get $at)) (i32.const 0x65736c61))))))
    (if (i32.eq (local.get $byte) (i32.const 45)) (then
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $byte (i32.load8_u (local.get $at)))))
    (if (i32.eq (local.get $byte) (i32.const 48))
      (then (local.set $at (i32.add (local.get $at) (i32.const 1))))
      (else
        (local.set $at (call $digitsEnd (local.get $at)))
        (if (i32.eqz (local.get $at)) (then (return (i32.const 0))))))
    (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 46)) (then
      (local.set $at (call $digitsEnd (i32.add (local.get $at) (i32.const 1))))
      (if (i32.eqz (local.get $at)) (then (return (i32.const 0))))))
    (if (i32.eq (i32.or (i32.load8_u (local.get $at)) (i32.const 32)) (i32.const 101)) (then
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (i32.or (i32.eq (local.get $byte) (i32.const 43)) (i32.eq (local.get $byte) (i32.const 45)))
        (then (local.set $at (i32.add (local.get $at) (i32.const 1)))))
      (return (call $digitsEnd (local.get $at)))))
    (local.get $at))

  ;; Where a string ends whose quote stands at `at`; 0 when it does not, or holds what no string may.
  (func $stringEnd (param $at i32) (result i32)
    (local $block v128)
    (local $quotes i32)
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (local.set $block (v128.load (local.get $at)))
    (local.set $quotes (i8x16.bitmask (i8x16.eq (local.get $block) (i8x16.splat (i32.const 34)))))
    ;; Most strings are short and plain: below the lowest quote stands no backslash and no control character.
    (if (i32.and (i32.ne (local.get $quotes) (i32.const 0)) (i32.eqz (i32.and
          (i32.and (i32.sub (local.get $quotes) (i32.const 1)) (i32.xor (local.get $quotes) (i32.const -1)))
          (i8x16.bitmask (v128.or
            (i8x16.eq (local.get $block) (i8x16.splat (i32.const 92)))
            (i8x16.lt_u (local.get $block) (i8x16.splat (i32.const 32))))))))
      (then (return (i32.add (i32.add (local.get $at) (i32.ctz (local.get $quotes))) (i32.const 1)))))
    (call $textEnd (local.get $at)))

  ;; The highest bits of 64 bytes, the lowest one for the first.
  (func $mask (param $b0 v128) (param $b1 v128) (param $b2 v128) (param $b3 v128) (result i64)
    (i64.or
      (i64.or
        (i64.extend_i32_u (i8x16.bitmask (local.get $b0)))
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $b1))) (i64.const 16)))
      (i64.or
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $b2))) (i64.const 32))
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $b3))) (i64.const 48)))))

  ;; The same behind the quote, 64 bytes at a time.
  (func $textEnd (param $at i32) (result i32)
    (local $b0 v128)
    (local $b1 v128)
    (local $b2 v128)
    (local $b3 v128)
    (local $quotes i64)
    (local $slashes i64)
    ;; 1 when the first byte is escaped by the last one of the block before.
    (local $carry i64)
    (local $follows i64)
    (local $runs i64)
    (local $escaped i64)
    (local $within i64)
    (loop $next
      (local.set $b0 (v128.load (local.get $at)))
      (local.set $b1 (v128.load offset=16 (local.get $at)))
      (local.set $b2 (v128.load offset=32 (local.get $at)))
      (local.set $b3 (v128.load offset=48 (local.get $at)))
      (local.set $quotes (call $mask
        (i8x16.eq (local.get $b0) (i8x16.splat (i32.const 34)))
        (i8x16.eq (local.get $b1) (i8x16.splat (i32.const 34)))
        (i8x16.eq (local.get $b2) (i8x16.splat (i32.const 34)))
        (i8x16.eq (local.get $b3) (i8x16.splat (i32.const 34)))))
      (local.set $slashes (call $mask
        (i8x16.eq (local.get $b0) (i8x16.splat (i32.const 92)))
        (i8x16.eq (local.get $b1) (i8x16.splat (i32.const 92)))
        (i8x16.eq (local.get $b2) (i8x16.splat (i32.const 92)))
        (i8x16.eq (local.get $b3) (i8x16.splat (i32.const 92)))))
      ;; What is escaped is what follows an odd number of backslashes: adding the places where runs begin at odd places
      ;; to all of them carries each such bit to the end of its run, which tells the parity of every run's length.
      ;; Source: Langdale and Lemire, Parsing Gigabytes of JSON per Second, 2019, section 3.1.1.
      (local.set $slashes (i64.and (local.get $slashes) (i64.xor (local.get $carry) (i64.const -1))))
      (local.set $follows (i64.or (i64.shl (local.get $slashes) (i64.const 1)) (local.get $carry)))
      (local.set $runs (i64.add (local.get $slashes) (i64.and
        (i64.and (local.get $slashes) (i64.const 0xaaaaaaaaaaaaaaaa)) (i64.xor (local.get $follows) (i64.const -1)))))
      (local.set $escaped (i64.and
        (i64.xor (i64.shl (local.get $runs) (i64.const 1)) (i64.const 0x5555555555555555)) (local.get $follows)))
      ;; The sum has overflowed where it is less than what was added to.
      (local.set $carry (i64.extend_i32_u (i64.lt_u (local.get $runs) (local.get $slashes))))
      (local.set $quotes (i64.and (local.get $quotes) (i64.xor (local.get $escaped) (i64.const -1))))
      ;; The bits below the lowest quote; all bits where there is none.
      (local.set $within (i64.and
        (i64.sub (local.get $quotes) (i64.const 1)) (i64.xor (local.get $quotes) (i64.const -1))))
      ;; A control character is rare, and then it mostly stands behind the end of the body.
      (if (v128.any_true (v128.or
            (v128.or
              (i8x16.lt_u (local.get $b0) (i8x16.splat (i32.const 32)))
              (i8x16.lt_u (local.get $b1) (i8x16.splat (i32.const 32))))
            (v128.or
              (i8x16.lt_u (local.get $b2) (i8x16.splat (i32.const 32)))
              (i8x16.lt_u (local.get $b3) (i8x16.splat (i32.const 32))))))
        (then (if (i64.ne (i64.const 0) (i64.and (local.get $within) (call $mask
            (i8x16.lt_u (local.get $b0) (i8x16.splat (i32.const 32)))
            (i8x16.lt_u (local.get $b1) (i8x16.splat (i32.const 32)))
            (i8x16.lt_u (local.get $b2) (i8x16.splat (i32.const 32)))
            (i8x16.lt_u (local.get $b3) (i8x16.splat (i32.const 32))))))
          (then (return (i32.const 0))))))
      (local.set $escaped (i64.and (local.get $escaped) (local.get $within)))
      (if (i64.ne (local.get $escaped) (i64.const 0)) (then
        ;; Left are the escaped ones that are none of `"/\bfnrt`: those share a bit in the tables for both their halves.
        (local.set $escaped (i64.and (local.get $escaped) (call $mask
          (i8x16.eq (v128.const i64x2 0 0) (v128.and
            (i8x16.swizzle (v128.const i8x16 0 0 13 0 8 0 4 0 0 0 0 0 2 0 4 1)
              (v128.and (local.get $b0) (i8x16.splat (i32.const 15))))
            (i8x16.swizzle (v128.const i8x16 0 0 1 0 0 2 4 8 0 0 0 0 0 0 0 0)
              (i8x16.shr_u (local.get $b0) (i32.const 4)))))
          (i8x16.eq (v128.const i64x2 0 0) (v128.and
            (i8x16.swizzle (v128.const i8x16 0 0 13 0 8 0 4 0 0 0 0 0 2 0 4 1)
              (v128.and (local.get $b1) (i8x16.splat (i32.const 15))))
            (i8x16.swizzle (v128.const i8x16 0 0 1 0 0 2 4 8 0 0 0 0 0 0 0 0)
              (i8x16.shr_u (local.get $b1) (i32.const 4)))))
          (i8x16.eq (v128.const i64x2 0 0) (v128.and
            (i8x16.swizzle (v128.const i8x16 0 0 13 0 8 0 4 0 0 0 0 0 2 0 4 1)
              (v128.and (local.get $b2) (i8x16.splat (i32.const 15))))
            (i8x16.swizzle (v128.const i8x16 0 0 1 0 0 2 4 8 0 0 0 0 0 0 0 0)
              (i8x16.shr_u (local.get $b2) (i32.const 4)))))
          (i8x16.eq (v128.const i64x2 0 0) (v128.and
            (i8x16.swizzle (v128.const i8x16 0 0 13 0 8 0 4 0 0 0 0 0 2 0 4 1)
              (v128.and (local.get $b3) (i8x16.splat (i32.const 15))))
            (i8x16.swizzle (v128.const i8x16 0 0 1 0 0 2 4 8 0 0 0 0 0 0 0 0)
              (i8x16.shr_u (local.get $b3) (i32.const 4))))))))
        (block $checked (loop $each
          (br_if $checked (i64.eqz (local.get $escaped)))
          (if (i32.eqz (call $isUnicode
                (i32.add (local.get $at) (i32.wrap_i64 (i64.ctz (local.get $escaped))))))
            (then (return (i32.const 0))))
          (local.set $escaped (i64.and (local.get $escaped) (i64.sub (local.get $escaped) (i64.const 1))))
          (br $each)))))
      (if (i64.ne (local.get $quotes) (i64.const 0)) (then (return (i32.add
        (i32.add (local.get $at) (i32.wrap_i64 (i64.ctz (local.get $quotes)))) (i32.const 1)))))
      (local.set $at (i32.add (local.get $at) (i32.const 64)))
      (br $next))
    (unreachable))

  ;; Whether a `u` and four hexadecimal digits stand there.
  (func $isUnicode (param $at i32) (result i32)
    (i32.and
      (i32.eq (i32.load8_u (local.get $at)) (i32.const 117))
      (i32.and
        (i32.and
          (call $isHex (i32.load8_u offset=1 (local.get $at)))
          (call $isHex (i32.load8_u offset=2 (local.get $at))))
        (i32.and
          (call $isHex (i32.load8_u offset=3 (local.get $at)))
          (call $isHex (i32.load8_u offset=4 (local.get $at)))))))

  ;; How many top-level fields a body of so many bytes has; -1 when json-scan.ts has to look at it.
  (func (export "scan") (param $length i32) (param $maxDepth i32) (result i32)
    (local $end i32)
    (local $at i32)
    (local $byte i32)
    (local $key i32)
    (local $depth i32)
    (local $closer i32)
    (local $fields i32)
    (local $values i32)
    ;; Where the next field is noted.
    (local $note i32)
    (local.set $note (i32.const 256))
    (local.set $end (i32.add (i32.const 8192) (local.get $length)))
    (i32.store8 (local.get $end) (i32.const 0))
    (local.set $at (call $spaceEnd (i32.const 8192)))
    (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 123)) (then (return (i32.const -1))))
    (loop $value
      (if (i32.eq (local.get $closer) (i32.const 125)) (then
        (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 34)) (then (return (i32.const -1))))
        (local.set $key (local.get $at))
        (local.set $at (call $stringEnd (local.get $at)))
        (if (i32.eqz (local.get $at)) (then (return (i32.const -1))))
        ;; `"__proto__"` is 11 bytes plain; an escape in the key makes it longer.
        (if (i32.ge_u (i32.sub (local.get $at) (local.get $key)) (i32.const 11)) (then
          (local.set $byte (i32.load8_u offset=1 (local.get $key)))
          (if (i32.or (i32.eq (local.get $byte) (i32.const 95)) (i32.eq (local.get $byte) (i32.const 92)))
            (then (return (i32.const -1))))))
        (if (i32.gt_u (i32.const 33) (i32.load8_u (local.get $at)))
          (then (local.set $at (call $spaceEnd (local.get $at)))))
        (if (i32.eq (local.get $depth) (i32.const 1)) (then
          (if (i32.eq (local.get $fields) (i32.const 256)) (then (return (i32.const -1))))
          (i32.store (local.get $note) (local.get $key))
          (i32.store offset=4 (local.get $note) (local.get $at))))
        (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 58)) (then (return (i32.const -1))))
        (local.set $at (call $spaceEnd (i32.add (local.get $at) (i32.const 1))))
        (if (i32.eq (local.get $depth) (i32.const 1))
          (then (i32.store offset=8 (local.get $note) (local.get $at))))))
      (local.set $values (i32.add (local.get $values) (i32.const 1)))
      (if (i32.gt_u (local.get $values) (i32.const 500000)) (then (return (i32.const -1))))
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (i32.eq (local.get $byte) (i32.const 34))
        (then (local.set $at (call $stringEnd (local.get $at))))
        (else (if (i32.eq (i32.or (local.get $byte) (i32.const 32)) (i32.const 123))
          (then
            (local.set $depth (i32.add (local.get $depth) (i32.const 1)))
            (if (i32.gt_u (local.get $depth) (local.get $maxDepth)) (then (return (i32.const -1))))
            ;; `[` and `]` are as far apart as `{` and `}`.
            (local.set $closer (i32.add (local.get $byte) (i32.const 2)))
            (i32.store8 (local.get $depth) (local.get $closer))
            (local.set $at (call $spaceEnd (i32.add (local.get $at) (i32.const 1))))
            (br_if $value (i32.ne (i32.load8_u (local.get $at)) (local.get $closer)))
            (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
            (local.set $closer (i32.load8_u (local.get $depth)))
            (local.set $at (i32.add (local.get $at) (i32.const 1))))
          (else (local.set $at (call $scalarEnd (local.get $at)))))))
      (if (i32.eqz (local.get $at)) (then (return (i32.const -1))))
      ;; A value has ended, and with it perhaps the levels around it.
      (block $open (loop $level
        (if (i32.eq (local.get $depth) (i32.const 1)) (then
          (i32.store offset=12 (local.get $note) (local.get $at))
          (local.set $note (i32.add (local.get $note) (i32.const 16)))
          (local.set $fields (i32.add (local.get $fields) (i32.const 1)))))
        (local.set $byte (i32.load8_u (local.get $at)))
        (if (i32.lt_u (local.get $byte) (i32.const 33)) (then
          (local.set $at (call $spaceEnd (local.get $at)))
          (local.set $byte (i32.load8_u (local.get $at)))))
        (if (i32.eqz (local.get $depth))
          (then (return (select (local.get $fields) (i32.const -1) (i32.eq (local.get $at) (local.get $end))))))
        (br_if $open (i32.ne (local.get $byte) (local.get $closer)))
        (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
        (local.set $closer (i32.load8_u (local.get $depth)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $level)))
      (if (i32.ne (local.get $byte) (i32.const 44)) (then (return (i32.const -1))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (if (i32.gt_u (i32.const 33) (i32.load8_u (local.get $at)))
        (then (local.set $at (call $spaceEnd (local.get $at)))))
      (br $value))
    (unreachable)))
