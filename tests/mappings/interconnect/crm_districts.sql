-- The files name no place: one made-up district for all.
select 'ALL' as district_code, 'Interconnect' as district_name
