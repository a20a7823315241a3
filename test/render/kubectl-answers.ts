/** What kubectl 1.37.2 itself makes of YAML: the output of `kubectl patch --local --type=merge -p '{}' -o json -f -`, without the header. */
export const header = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';

export const answers: readonly (readonly [title: string, yaml: string, json: string])[] = [
  [
    'octal numbers',
    'spec: {a: 0644, b: 0o644, c: 00, d: 0_7, e: 0777_7, f: -0o17, g: 0O17}',
    '{"spec": {"a": 420,"b": 420,"c": 0,"d": 7,"e": 4095,"f": -15,"g": 15}}',
  ],
  ['digits that are no octal number', 'spec: [089, 0o9, 0b2, 0x]', '{"spec": [89,"0o9","0b2","0x"]}'],
  ['binary and hexadecimal numbers', 'spec: [0b101, 0x1F, 0X1f, -0x10, +0x10, 0x_1F, -0b11]', '{"spec": [5,31,31,-16,16,31,-3]}'],
  ['underscores', 'spec: [1_000, 1__0, _1, -1_0.5_0, 0.10_1, .1_0]', '{"spec": [1000,10,"_1",-10.5,0.101,0.1]}'],
  ['signs', 'spec: [+5, -0, -0.0, +, +.5, -.5]', '{"spec": [5,0,0,"+",0.5,-0.5]}'],
  [
    'booleans',
    'spec: [y, Y, yes, Yes, YES, on, On, ON, true, True, TRUE, n, N, no, No, NO, off, Off, OFF, false, False, FALSE]',
    '{"spec": [true,true,true,true,true,true,true,true,true,true,true,false,false,false,false,false,false,false,false,false,false,false]}',
  ],
  [
    'words that are almost booleans',
    'spec: [yEs, oN, tRue, nO, "yes", \'on\', Y es, "true"]',
    '{"spec": ["yEs","oN","tRue","nO","yes","on","Y es","true"]}',
  ],
  [
    'nulls',
    'spec: {a: ~, b: null, c: Null, d: NULL, e: , f: "", g: nULL}',
    '{"spec": {"a": null,"b": null,"c": null,"d": null,"e": null,"f": "","g": "nULL"}}',
  ],
  [
    'numbers in base 60 and dates',
    'spec: [1:30, 12:30:45, 2001-01-01, 2001-12-14T21:59:43.10-05:00, 2001-12-14 21:59:43]',
    '{"spec": ["1:30","12:30:45","2001-01-01","2001-12-14T21:59:43.10-05:00","2001-12-14 21:59:43"]}',
  ],
  [
    'integers above 2^53',
    'spec: [9007199254740991, 9007199254740993, -9007199254740993, 9223372036854775807, -9223372036854775808]',
    '{"spec": [9007199254740991,9007199254740993,-9007199254740993,9223372036854775807,-9223372036854775808]}',
  ],
  [
    'integers above 64 bits',
    'spec: [18446744073709551616, -9223372036854775809, 0xFFFFFFFFFFFFFFFFFF]',
    '{"spec": [18446744073709552000,-9223372036854776000,"0xFFFFFFFFFFFFFFFFFF"]}',
  ],
  [
    'floats',
    'spec: [1.5, 1., .5, 1e3, 1E-7, 1e21, 1.0, 1.5e+3, 12e03, 1e-400, 0.1]',
    '{"spec": [1.5,1,0.5,1000,1e-7,1e+21,1,1500,12000,0,0.1]}',
  ],
  [
    'what is almost a float',
    'spec: [1e400, 1.2.3, 1e, .e1, ., ..5, 0x1.8p1, .5p1, .infinity]',
    '{"spec": ["1e400","1.2.3","1e",".e1",".","..5","0x1.8p1",".5p1",".infinity"]}',
  ],
  [
    'tags',
    'spec: {a: !!str 123, b: !!int "5", c: !!float 1, d: !!bool "yes", e: !!binary aGVsbG8=, f: !!null "", g: !!str null, h: !!int 0o17}',
    '{"spec": {"a": "123","b": 5,"c": 1,"d": true,"e": "hello","f": null,"g": "null","h": 15}}',
  ],
  ['tags by their long name', 'spec: [!<tag:yaml.org,2002:str> 1, !<tag:yaml.org,2002:int> "1"]', '{"spec": ["1",1]}'],
  [
    'tags that mean nothing',
    'spec: {a: !foo bar, b: !foo {a: 1}, c: ! 123, d: !!set {b}, e: !!seq [1], f: !!timestamp 2001-01-01}',
    '{"spec": {"a": "bar","b": {"a": 1},"c": "123","d": {"b": null},"e": [1],"f": "2001-01-01"}}',
  ],
  [
    'keys',
    'spec: {n: 1, on: 2, 1: 3, 0x10: 4, 1_1: 5, 2001-01-01: 6, "y": 7, a b: 8}',
    '{"spec": {"1": 3,"11": 5,"16": 4,"2001-01-01": 6,"a b": 8,"false": 1,"true": 2,"y": 7}}',
  ],
  [
    'keys that are floats',
    'spec: {1.5: a, 1e6: b, 1234567.0: c, 1.10: d, -0.0: e, 0.00001: f, 123456.0: g, 16777217.0: h, .inf: i}',
    '{"spec": {"-0": "e",".inf": "i","1.1": "d","1.234567e+06": "c","1.5": "a","1.6777216e+07": "h","123456": "g","1e+06": "b","1e-05": "f"}}',
  ],
  [
    'aliases',
    'spec: {a: &a {x: 1}, b: *a, c: [*a, &s text, *s], *s : key}',
    '{"spec": {"a": {"x": 1},"b": {"x": 1},"c": [{"x": 1},"text","text"],"text": "key"}}',
  ],
  ['an anchor that is stated again', 'spec: [&a 1, *a, &a 2, *a]', '{"spec": [1,1,2,2]}'],
  ['merge keys', 'base: &base {a: 1, b: 2}\nspec:\n  <<: *base\n  b: 3', '{"base": {"a": 1,"b": 2},"spec": {"a": 1,"b": 3}}'],
  [
    'a merge key below what it replaces',
    'base: &base {a: 1, b: 2}\nspec:\n  b: 3\n  <<: *base',
    '{"base": {"a": 1,"b": 2},"spec": {"a": 1,"b": 2}}',
  ],
  ['merge keys of several mappings', 'spec: {<<: [{x: 1, a: 1}, {x: 2, b: 2}], c: 3}', '{"spec": {"a": 1,"b": 2,"c": 3,"x": 1}}'],
  ['a merge key in quotes', 'spec: {"<<": 1, a: <<}', '{"spec": {"\\u003c\\u003c": 1,"a": "\\u003c\\u003c"}}'],
  [
    'folded text',
    'spec:\n  a: >-\n    one\n    two\n\n    three\n  b: >\n    one\n      two\n    three\n  c: >+\n    x\n\n',
    '{"spec": {"a": "one two\\nthree","b": "one\\n  two\\nthree\\n","c": "x\\n\\n"}}',
  ],
  [
    'literal text',
    'spec:\n  a: |\n    one\n      two\n\n    three\n  b: |-\n    x\n\n  c: |2\n      y\n  d: |+\n    z\n\n',
    '{"spec": {"a": "one\\n  two\\n\\nthree\\n","b": "x","c": "  y\\n","d": "z\\n\\n"}}',
  ],
  [
    'plain text over lines',
    'spec:\n  a: one\n    two\n\n    three\n  b: x # comment\n  c: x#no comment\n  d: http://example.com:80/#a',
    '{"spec": {"a": "one two\\nthree","b": "x","c": "x#no comment","d": "http://example.com:80/#a"}}',
  ],
  [
    'quoted text',
    'spec:\n  a: "x\\\n    y \\u00e9 \\x41 \\U0001F600 \\t"\n  b: \'it\'\'s\'\n  c: "one\n    two"',
    '{"spec": {"a": "xy é A 😀 \\t","b": "it\'s","c": "one two"}}',
  ],
  ['lists', 'spec:\n- - a\n  - b\n- c: 1\n  d: 2\n-\n- []\n- {}', '{"spec": [["a","b"],{"c": 1,"d": 2},null,[],{}]}'],
  ['flow collections', 'spec: {a, b: , "c":1, d: [e: f, g]}', '{"spec": {"a": null,"b": null,"c": 1,"d": [{"e": "f"},"g"]}}'],
  ['a question mark for a key', 'spec:\n  ? a\n  : b\n  ? c', '{"spec": {"a": "b","c": null}}'],
  ['JSON in YAML', 'spec: {"a": [1, 2.5, true, null, "x\\ny"], "b": {}}', '{"spec": {"a": [1,2.5,true,null,"x\\ny"],"b": {}}}'],
  ['a tab after the colon', 'spec:\ta', '{"spec": "a"}'],
  [
    'signs that mean something elsewhere',
    'spec: ["=", =, a:b, -a, "?x", x-, "*", "&"]',
    '{"spec": ["=","=","a:b","-a","?x","x-","*","\\u0026"]}',
  ],
  [
    'a word for every key',
    'spec: {__proto__: 1, constructor: 2, toString: 3}',
    '{"spec": {"__proto__": 1,"constructor": 2,"toString": 3}}',
  ],
];
