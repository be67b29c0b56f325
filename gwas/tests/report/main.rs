//! `epitile report`: what is on its page, in numbers and in a browser, and what it refuses.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/lab/mod.rs"]
mod lab;

mod browser;
mod inputs;
mod page;
mod plans;
mod tables;

/// Columns of an association table.
const HEADER: &str =
    "CHROM\tGENPOS\tID\tALLELE0\tALLELE1\tA1FREQ\tN\tTEST\tBETA\tSE\tCHISQ\tLOG10P\tEXTRA\n";

/// A line of an association table.
fn line(chromosome: &str, position: u64, id: &str, log10p: &str) -> String {
    let code = match log10p {
        "NA" => "MONOMORPHIC",
        _ => "SCORE",
    };
    format!(
        "{chromosome}\t{position}\t{id}\tA\tG\t0.25\t100\tADD\t0.1\t0.05\t4\t{log10p}\t\
         MAC=50;MISS=0;TESTFORM={code};FAST=0\n"
    )
}

/// A table of `snps` SNPs on each of `chromosomes`, with p-values spread evenly from 0 to 1.
fn even(chromosomes: &[&str], snps: u64) -> String {
    let all = chromosomes.len() as u64 * snps;
    let row = |k: u64| {
        // A permutation: 7919 is a prime that divides no number of SNPs used here.
        let rank = k * 7919 % all;
        let log10p = -((rank as f64 + 0.5) / all as f64).log10();
        let (chromosome, at) = (chromosomes[(k / snps) as usize], k % snps);
        line(
            chromosome,
            1000 + 300_000 * at,
            &format!("rs{k}"),
            &format!("{log10p:.6}"),
        )
    };
    HEADER.to_owned() + &(0..all).map(row).collect::<String>()
}
