//! Frames as RFC 6455 has them.

use super::*;

const MOST: usize = 1_000;

/// A client's frame, masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// What is said, and how many bytes were taken.
fn told(assembler: &mut Assembler, mut bytes: Vec<u8>) -> (Vec<String>, Result<usize, Fault>) {
    let mut said = Vec::new();
    let taken = assembler.take(&mut bytes, MOST, |event| {
        said.push(match event {
            Event::Binary(bytes) => format!("binary {}", String::from_utf8_lossy(bytes)),
            other => format!("{other:?}"),
        });
    });
    (said, taken)
}

fn all(bytes: Vec<u8>) -> (Vec<String>, Result<usize, Fault>) {
    told(&mut Assembler::default(), bytes)
}

#[test]
fn whole_frames_are_taken_and_the_beginning_of_another_is_left() {
    let long = "x".repeat(200);
    let mut bytes = [frame(0x82, b"one"), frame(0x81, b"two"), frame(0x82, long.as_bytes())].concat();
    let whole = bytes.len();
    bytes.extend(&frame(0x82, b"three")[..7]);
    let (said, taken) = all(bytes);
    assert_eq!(said, ["binary one".to_owned(), "Text(\"two\")".into(), format!("binary {long}")]);
    assert_eq!(taken, Ok(whole));
}

#[test]
fn a_message_in_parts_is_told_whole_and_a_ping_may_stand_between() {
    let mut assembler = Assembler::default();
    let bytes = [frame(0x01, "gr\u{fc}".as_bytes()), frame(0x89, b"?"), frame(0x00, b"\xc3")].concat();
    assert_eq!(told(&mut assembler, bytes).0, ["Ping([63])"]);
    let (said, _) = told(&mut assembler, frame(0x80, b"\x9fe"));
    assert_eq!(said, ["Text(\"gr\u{fc}\u{df}e\")"]);
    assert_eq!(told(&mut assembler, frame(0x82, b"next")).0, ["binary next"]);
}

#[test]
fn what_is_not_websocket_is_refused() {
    let unmasked = vec![0x82, 1, b'x'];
    let long_ping = frame(0x89, &[0; 126]);
    for bytes in [
        unmasked,
        long_ping,
        frame(0x83, b""),
        frame(0xc2, b""),
        frame(0x09, b""),
        frame(0x80, b""),
        frame(0x88, b"1"),
        frame(0x88, &1005u16.to_be_bytes()),
        [frame(0x02, b"a"), frame(0x82, b"b")].concat(),
    ] {
        assert_eq!(all(bytes.clone()).1, Err(Fault::Protocol), "{bytes:?}");
    }
    assert_eq!(all(frame(0x81, b"\xff")).1, Err(Fault::NotText));
}

#[test]
fn a_frame_that_is_too_long_is_refused_by_its_header() {
    let mut huge = vec![0x82, 0x80 | 127];
    huge.extend((u64::MAX >> 1).to_be_bytes());
    huge.extend([0; 4]);
    assert_eq!(all(huge).1, Err(Fault::TooLarge));
    let parts = [frame(0x02, &[0; 600]), frame(0x80, &[0; 600])].concat();
    assert_eq!(all(parts).1, Err(Fault::TooLarge), "parts count together");
}

#[test]
fn nothing_counts_after_a_close() {
    let close = [&1000u16.to_be_bytes()[..], b"bye"].concat();
    let bytes = [frame(0x88, &close), frame(0x82, b"more")].concat();
    let length = bytes.len();
    assert_eq!(all(bytes), (vec!["Close(Some(1000))".to_owned()], Ok(length)));
    assert_eq!(all(frame(0x88, b"")).0, ["Close(None)"]);
}

#[test]
fn a_frame_of_ours_has_the_shortest_header_whatever_was_expected() {
    let byte = |at: usize| u8::try_from(at % 251).unwrap();
    for (length, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
        for expected in [0, 126, 65_536] {
            let mut buffer = b"before".to_vec();
            let framed = append_frame::<()>(&mut buffer, OpCode::Data(Data::Binary), expected, |to| {
                to.extend((0..length).map(byte));
                Ok(())
            });
            framed.unwrap();
            let bytes = buffer.strip_prefix(b"before").unwrap();
            assert_eq!(bytes.len(), header + length);
            assert!((0..length).all(|at| bytes[header + at] == byte(at)), "{length} as {expected}");
            let (head, told) = FrameHeader::parse(&mut Cursor::new(bytes)).unwrap().unwrap();
            assert_eq!((head.is_final, head.mask, told), (true, None, length as u64));
        }
    }
}

#[test]
fn a_frame_that_cannot_be_made_leaves_nothing() {
    let mut buffer = b"before".to_vec();
    let framed = append_frame(&mut buffer, OpCode::Data(Data::Binary), 0, |to| {
        to.extend_from_slice(b"half");
        Err("no more")
    });
    assert_eq!((framed, buffer.as_slice()), (Err("no more"), b"before".as_slice()));
}

#[test]
fn unmasking_is_the_same_for_every_length() {
    for length in 0..40 {
        let plain: Vec<u8> = (0..length).collect();
        let mut bytes = frame(0x82, &plain);
        let mut got = Vec::new();
        let taken = Assembler::default().take(&mut bytes, MOST, |event| {
            if let Event::Binary(bytes) = event {
                got = bytes.to_vec();
            }
        });
        assert!(taken.is_ok());
        assert_eq!(got, plain);
    }
}
